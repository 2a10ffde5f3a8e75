// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "chasqui/cache/v1/cache_service.pb.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_call.h"
#include "common/rpc/loop.h"
#include "common/rpc/one_shot.h"
#include "common/time/clock.h"

namespace chasqui::router {

// One call of the cache service's Lookup. What is sent waits here, bounded, so that a slow cache
// service holds nobody up; it goes on by itself until what was sent has arrived, though whoever
// began it be gone. Shared by its coroutines and who began it. Confined to its loop.
class CacheConversation : public std::enable_shared_from_this<CacheConversation> {
 public:
  // Asks.
  static std::shared_ptr<CacheConversation> Begin(rpc::Loop& loop, const rpc::Channel& channel,
                                                  cache::v1::Ask ask,
                                                  std::size_t max_pending_bytes);

  // The next step of the service; nothing when it said its last, failed, or was cancelled.
  rpc::Task<std::optional<cache::v1::LookupResponse>> Read();
  // The same; cancelled when nothing comes for `timeout` and the service is silent: `is_alive` says
  // whether others have heard of it since a moment. A burst keeps both sides busy for longer than
  // any one request should wait for a service that is dead, so a loop that is late does not count
  // either. At most ten times `timeout` in all.
  using IsAlive = absl::AnyInvocable<bool(time::SteadyTime since)>;
  rpc::Task<std::optional<cache::v1::LookupResponse>> ReadWithin(time::Duration timeout,
                                                                 IsAlive is_alive);
  // Why there was nothing more to read. After Read() gave nothing; once.
  rpc::Task<absl::Status> WhyOver();

  // Sends an event of the answer. False when it is over, or too much waits, and it is over for
  // that.
  bool Fill(std::string event);
  // Sends the last step, and lets the service take its time to answer.
  void End(cache::v1::LookupRequest last);

  void Cancel() { call_.Cancel(); }

 private:
  struct Private {};

 public:
  CacheConversation(Private, rpc::Loop& loop, const rpc::Channel& channel,
                    std::size_t max_pending_bytes);

 private:
  static rpc::Task<void> SendAll(std::shared_ptr<CacheConversation> self);
  void Wake();
  void WaitFor(time::Duration timeout, int more_times);

  rpc::Loop& loop_;
  const std::size_t max_pending_bytes_;
  rpc::ClientCall call_;
  cache::v1::Fill pending_;
  std::size_t pending_bytes_ = 0;
  std::optional<cache::v1::LookupRequest> last_;
  bool sending_ = false;  // whether SendAll() runs
  bool broken_ = false;   // whether nothing can be sent any more
  IsAlive is_alive_;      // while ReadWithin() waits, as the timer
  rpc::Loop::Timer patience_;
};

}  // namespace chasqui::router
