// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "chasqui/cache/v1/cache_service.pb.h"
#include "common/observability/log.h"
#include "common/rpc/loop.h"
#include "common/rpc/server_methods.h"
#include "common/time/clock.h"
#include "services/cache/metrics/cache_metrics.h"
#include "services/cache/store/answer_store.h"
#include "services/cache/warming/router_client.h"
#include "services/cache/warming/top_asked.h"

namespace chasqui::cache {

// Has answers made in advance: those that somebody names, and those that many ask for and that are
// about to expire. Owned by the CacheServer. Thread-safe.
class Warmer {
 public:
  struct Options {
    bool predictive;
    time::Duration period;
    std::uint32_t top;
    std::uint32_t min_asked;
    std::uint32_t lead_percent;
    std::uint32_t idle_percent;
  };

  // All outlive it.
  Warmer(const Options& options, RouterClient router, AnswerStore& store, TopAsked& top,
         CacheMetrics& metrics, const time::Clock& clock, observability::Logger log);

  // Serves the RPC.
  rpc::Task<absl::Status> Warm(rpc::ServerCall& call, v1::WarmRequest request,
                               rpc::ServerWriter<v1::WarmResponse>& writer) const;

  // Refreshes what is asked for most, a tenth of a period after the other, until the loop ends.
  rpc::Task<void> Predict(rpc::Loop& loop) const;

 private:
  // What the requests of one Warm share.
  struct Progress;

  // Asks one request after the other until none is left.
  rpc::Task<void> AskNext(std::shared_ptr<Progress> progress, rpc::ServerCall& call) const;
  rpc::Task<void> RefreshTop(rpc::Loop& loop) const;
  bool IsDue(const StoredAnswer& answer) const;

  const Options options_;
  const RouterClient router_;
  AnswerStore& store_;
  TopAsked& top_;
  CacheMetrics& metrics_;
  const time::Clock& clock_;
  const observability::Logger log_;
};

// INVALID_ARGUMENT tells all that is wrong: with how many there are, and with those whose answers
// are never remembered.
absl::Status Check(const v1::WarmRequest& request);

}  // namespace chasqui::cache
