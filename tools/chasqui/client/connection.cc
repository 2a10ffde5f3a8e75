// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/client/connection.h"

#include <utility>

#include <grpcpp/create_channel.h>

#include "absl/strings/str_cat.h"
#include "common/rpc/tls.h"

namespace chasqui::cli {
namespace {

constexpr int kMaxMessageBytes = 256 << 20;  // what a service may be configured to take

}  // namespace

Connection::Connection(std::shared_ptr<grpc::Channel> channel, ConnectionOptions options,
                       Interrupts& interrupts)
    : channel_(std::move(channel)), options_(std::move(options)), interrupts_(&interrupts) {}

absl::StatusOr<Connection> Connection::Open(const ConnectionOptions& options,
                                            Interrupts& interrupts) {
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> credentials =
      rpc::MakeCredentials(options.tls);
  if (!credentials.ok()) return credentials.status();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetUserAgentPrefix("chasqui-cli");
  if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
  return Connection(grpc::CreateCustomChannel(options.server, *credentials, arguments), options,
                    interrupts);
}

std::unique_ptr<grpc::ClientContext> Connection::NewContext() const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(
      time::RealClock().SystemNow() +
      std::chrono::duration_cast<std::chrono::system_clock::duration>(options_.timeout));
  if (!options_.api_key.empty()) {
    context->AddMetadata("authorization", absl::StrCat("Bearer ", options_.api_key));
  }
  return context;
}

}  // namespace chasqui::cli
