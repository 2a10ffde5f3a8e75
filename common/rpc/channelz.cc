// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/channelz.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <grpc/grpc.h>
#include <grpc/support/alloc.h>
#include <grpcpp/ext/channelz_service_plugin.h>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/message.h"
#include "common/rpc/server.h"
#include "common/status/status.h"

namespace chasqui::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

// The schema is not among this project's files: it comes with libgrpcpp_channelz, which this
// reference keeps among the libraries of the program.
[[maybe_unused]] void (*volatile keep_schema)() =
    &grpc::channelz::experimental::InitChannelzService;

struct FreeGrpc {
  void operator()(char* text) const { gpr_free(text); }
};
using Json = std::unique_ptr<char, FreeGrpc>;

// A method: its name, and how gRPC answers the request as JSON, or nothing when there is no such
// thing as was asked for.
struct Query {
  std::string_view name;
  Json (*answer)(const Message& request);
};

int64_t Field(const Message& request, const char* name) {
  return request.GetReflection()->GetInt64(request, request.GetDescriptor()->FindFieldByName(name));
}

constexpr Query kQueries[] = {
    {"GetTopChannels",
     [](const Message& request) {
       return Json(grpc_channelz_get_top_channels(Field(request, "start_channel_id")));
     }},
    {"GetServers",
     [](const Message& request) {
       return Json(grpc_channelz_get_servers(Field(request, "start_server_id")));
     }},
    {"GetServer",
     [](const Message& request) {
       return Json(grpc_channelz_get_server(Field(request, "server_id")));
     }},
    {"GetServerSockets",
     [](const Message& request) {
       return Json(grpc_channelz_get_server_sockets(Field(request, "server_id"),
                                                    Field(request, "start_socket_id"),
                                                    Field(request, "max_results")));
     }},
    {"GetChannel",
     [](const Message& request) {
       return Json(grpc_channelz_get_channel(Field(request, "channel_id")));
     }},
    {"GetSubchannel",
     [](const Message& request) {
       return Json(grpc_channelz_get_subchannel(Field(request, "subchannel_id")));
     }},
    {"GetSocket",
     [](const Message& request) {
       return Json(grpc_channelz_get_socket(Field(request, "socket_id")));
     }},
};

std::unique_ptr<Message> NewMessage(std::string_view query, std::string_view suffix) {
  const std::string name = absl::StrCat("grpc.channelz.v1.", query, suffix);
  const Descriptor* type = DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  CHECK(type != nullptr) << "no schema of " << name;
  return std::unique_ptr<Message>(MessageFactory::generated_factory()->GetPrototype(type)->New());
}

Task<absl::Status> Serve(const Query& query, ServerCall& call) {
  const std::optional<grpc::ByteBuffer> bytes = co_await call.Read();
  if (!bytes.has_value()) co_return absl::InvalidArgumentError("the call ended without a request");
  const auto request = NewMessage(query.name, "Request");
  if (!Parse(*bytes, *request)) co_return internal::Unparsable(request->GetTypeName());

  const Json json = query.answer(*request);
  if (json == nullptr) {
    co_return status::NotFound("channelz entity", request->ShortDebugString(),
                               "it never was, or is gone");
  }
  const auto response = NewMessage(query.name, "Response");
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed =
      google::protobuf::util::JsonStringToMessage(json.get(), response.get(), options);
  if (!parsed.ok()) co_return absl::InternalError(parsed.ToString());
  call.WriteLast(Serialize(*response));
  co_return absl::OkStatus();
}

}  // namespace

void RegisterChannelz(Server& server) {
  for (const Query& query : kQueries) {
    server.Register(absl::StrCat("/grpc.channelz.v1.Channelz/", query.name), MethodKind::kUnary,
                    [&query](ServerCall& call) { return Serve(query, call); },
                    {.background = true});
  }
}

}  // namespace chasqui::rpc
