// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "chasqui/config/v1/auth_config.pb.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/redis/link.h"
#include "common/rpc/loop.h"
#include "common/time/clock.h"
#include "services/router/limits/bucket_table.h"
#include "services/router/limits/limits_script.h"

namespace chasqui::router {

// Rates that several routers share, in Redis. When Redis is away or slow it says so at once, and
// the caller counts for itself: one warning when it goes, one line when it is back, a gauge
// between. Owned by the Limiter; to be destroyed after the loops have stopped and before they are.
// Thread-safe.
class SharedLimits {
 public:
  // `metrics` outlives this.
  SharedLimits(const config::v1::RedisConfig& config, observability::Metrics& metrics,
               observability::Logger log);

  // Takes all of `draws`, which are not empty and outlive the task, or none. UNAVAILABLE when Redis
  // does not answer in time; what it takes later is then not given back. Confined to `loop`.
  rpc::Task<absl::StatusOr<TakeAnswer>> Take(rpc::Loop& loop, std::span<const Draw> draws);

  // Has what was drawn settled; it stays as it was charged when Redis is away.
  void Settle(std::span<const Drawn> drawn, std::uint64_t units);

 private:
  redis::Link::Options LinkOptions(const config::v1::RedisConfig& config);
  void Send(std::vector<std::string> command, redis::Callback done);
  void OnState(const absl::Status& state);

  const time::Duration timeout_;
  const std::string prefix_;
  const std::string sha_;  // of the script
  const observability::Logger log_;
  observability::Gauge& up_;
  // An answer was late, and none has come since: nobody need wait for more of them.
  std::atomic<bool> late_ = false;
  redis::Link link_;  // last: its thread works on all of the above
};

}  // namespace chasqui::router
