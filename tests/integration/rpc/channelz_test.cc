// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/integration/rpc/rpc_fixture.h"

namespace chasqui::rpc {
namespace {

using google::protobuf::Message;

// The schema has no header in the project: messages are made and read by reflection.
class ChannelzTest : public RpcTest {
 protected:
  static std::unique_ptr<Message> Make(const std::string& name) {
    const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
        absl::StrCat("grpc.channelz.v1.", name));
    EXPECT_NE(type, nullptr) << name;
    return std::unique_ptr<Message>(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  }

  absl::StatusOr<std::string> Ask(const std::string& method, const std::string& field = "",
                                  int64_t value = 0) {
    auto request = Make(absl::StrCat(method, "Request"));
    if (!field.empty()) {
      request->GetReflection()->SetInt64(request.get(),
                                         request->GetDescriptor()->FindFieldByName(field), value);
    }
    const auto bytes = RunOn(loop(), [&]() -> Task<absl::StatusOr<grpc::ByteBuffer>> {
      UnaryCall call(loop(), channel(), absl::StrCat("/grpc.channelz.v1.Channelz/", method),
                     Serialize(*request));
      co_return co_await call.Finish();
    });
    if (!bytes.ok()) return bytes.status();
    auto response = Make(absl::StrCat(method, "Response"));
    EXPECT_TRUE(Parse(*bytes, *response));
    return response->ShortDebugString();
  }

  // The first number after `marker` in `text`.
  static int64_t NumberAfter(const std::string& text, const std::string& marker) {
    const size_t at = text.find(marker);
    EXPECT_NE(at, std::string::npos) << marker << " in " << text;
    return at == std::string::npos ? 0 : std::stoll(text.substr(at + marker.size()));
  }
};

TEST_F(ChannelzTest, ShowsServersAndTheirSockets) {
  RegisterEcho();
  Start();
  EXPECT_EQ(Call("/test.Echo/Unary", Text("x")).status(), absl::OkStatus());

  const auto servers = Ask("GetServers");
  ASSERT_EQ(servers.status(), absl::OkStatus());
  const int64_t server_id = NumberAfter(*servers, "server_id: ");
  const auto one = Ask("GetServer", "server_id", server_id);
  ASSERT_EQ(one.status(), absl::OkStatus());
  EXPECT_GT(NumberAfter(*one, "calls_started: "), 0);
  const auto sockets = Ask("GetServerSockets", "server_id", server_id);
  ASSERT_EQ(sockets.status(), absl::OkStatus());
  const auto socket = Ask("GetSocket", "socket_id", NumberAfter(*sockets, "socket_id: "));
  ASSERT_EQ(socket.status(), absl::OkStatus());
  EXPECT_GT(NumberAfter(*socket, "streams_started: "), 0);
}

TEST_F(ChannelzTest, ShowsChannelsAndTheirSubchannels) {
  RegisterEcho();
  Start();
  EXPECT_EQ(Call("/test.Echo/Unary", Text("x")).status(), absl::OkStatus());

  const auto channels = Ask("GetTopChannels");
  ASSERT_EQ(channels.status(), absl::OkStatus());
  EXPECT_NE(channels->find(server().local_address()), std::string::npos);
  const auto one = Ask("GetChannel", "channel_id", NumberAfter(*channels, "channel_id: "));
  ASSERT_EQ(one.status(), absl::OkStatus());
  EXPECT_EQ(Ask("GetSubchannel", "subchannel_id", NumberAfter(*one, "subchannel_id: ")).status(),
            absl::OkStatus());
}

TEST_F(ChannelzTest, WhatIsNotThereIsNotFound) {
  Start();

  EXPECT_TRUE(absl::IsNotFound(Ask("GetServer", "server_id", 999999).status()));
  EXPECT_TRUE(absl::IsNotFound(Ask("GetSocket", "socket_id", 999999).status()));
}

}  // namespace
}  // namespace chasqui::rpc
