// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/worker_channel.h"

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"

namespace chasqui::router {

absl::StatusOr<std::shared_ptr<WorkerChannel>> WorkerChannel::Open(
    const std::string& address, const rpc::ChannelOptions& options, int loops) {
  std::vector<rpc::Channel> channels;
  for (int i = 0; i < loops; ++i) {
    // With its scheme written out, so that no host name can be taken for one.
    ABSL_ASSIGN_OR_RETURN(rpc::Channel channel,
                          rpc::Channel::Create(absl::StrCat("dns:///", address), options));
    channel.grpc()->GetState(/*try_to_connect=*/true);
    channels.push_back(std::move(channel));
  }
  return std::make_shared<WorkerChannel>(std::move(channels));
}

}  // namespace chasqui::router
