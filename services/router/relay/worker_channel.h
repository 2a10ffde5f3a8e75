// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/rpc/channel.h"
#include "common/rpc/loop.h"

namespace chasqui::router {

// The connections to one worker during one membership: one for each loop, so that no two loops poll
// the same socket. Shared by the member and the requests that run on it. Constant after
// construction, thus thread-safe.
class WorkerChannel {
 public:
  // Connects at once, in the background, so that the first request need not wait. `address` must
  // have passed IsReachableAddress. Fails only when the TLS files cannot be read.
  static absl::StatusOr<std::shared_ptr<WorkerChannel>> Open(const std::string& address,
                                                             const rpc::ChannelOptions& options,
                                                             int loops);

  explicit WorkerChannel(std::vector<rpc::Channel> channels) : channels_(std::move(channels)) {}

  const rpc::Channel& For(const rpc::Loop& loop) const {
    return channels_[static_cast<std::size_t>(loop.index())];
  }

 private:
  const std::vector<rpc::Channel> channels_;  // by the loop's index
};

}  // namespace chasqui::router
