// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/config/v1/router_config.pb.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/resilience/circuit_breaker.h"
#include "common/rpc/channel.h"
#include "common/rpc/loop.h"
#include "common/time/clock.h"
#include "services/router/relay/worker_channel.h"

namespace chasqui::router {

// The way to the cache service, and whether it is worth taking. Owned by the RouterServer.
// Thread-safe.
class CacheAccess {
 public:
  // `config` must be valid; `metrics` outlives it.
  CacheAccess(const config::v1::AnswersConfig& config, int loops, observability::Metrics& metrics,
              observability::Logger log);

  // Connects. Fails only when the TLS files cannot be read.
  absl::Status Open();

  // Whether there is a cache service at all.
  bool configured() const { return !config_.cache().empty(); }
  const config::v1::AnswersConfig& config() const { return config_; }
  time::Duration timeout() const { return timeout_; }
  const rpc::Channel& ChannelFor(const rpc::Loop& loop) const { return channels_->For(loop); }

  // Whether it is not left alone because it failed.
  bool Usable(time::SteadyTime now) const;
  // It did not say in time what becomes of a request, or could not be asked.
  void Failed(time::SteadyTime now, const absl::Status& why);
  // It did.
  void Succeeded(time::SteadyTime now);
  // Whether it has since this moment.
  bool HeardSince(time::SteadyTime since) const {
    return heard_.load(std::memory_order_relaxed) >= since.time_since_epoch().count();
  }

  // Counts what became of a request: hit, follow, lead, alone, miss, away.
  void Count(std::string_view outcome) { requests_.With({outcome}).Increment(); }

 private:
  const config::v1::AnswersConfig config_;
  const int loops_;
  const time::Duration timeout_;
  const observability::Logger log_;
  observability::MetricFamily<observability::Counter>& requests_;
  observability::Gauge& available_;
  std::atomic<time::SteadyTime::rep> heard_ = 0;
  std::shared_ptr<WorkerChannel> channels_;  // constant after Open()
  mutable absl::Mutex mutex_;
  resilience::CircuitBreaker breaker_ ABSL_GUARDED_BY(mutex_);
  bool away_ ABSL_GUARDED_BY(mutex_) = false;  // as it was told last
};

}  // namespace chasqui::router
