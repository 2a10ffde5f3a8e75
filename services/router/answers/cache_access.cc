// SPDX-License-Identifier: Apache-2.0
#include "services/router/answers/cache_access.h"

#include <utility>

#include "absl/status/status_macros.h"
#include "common/service/settings.h"

namespace chasqui::router {
namespace {

constexpr int kLongestPause = 10;

}  // namespace

CacheAccess::CacheAccess(const config::v1::AnswersConfig& config, int loops,
                         observability::Metrics& metrics, observability::Logger log)
    : config_(config),
      loops_(loops),
      timeout_(service::ToDuration(config.timeout())),
      log_(std::move(log)),
      requests_(metrics.AddCounters(
          "chasqui_router_answer_cache_total",
          "Requests that the cache service was asked about, by what became of them: hit, follow, "
          "lead, alone, miss, away.",
          {"outcome"})),
      available_(metrics.AddGauge("chasqui_router_answer_cache_available",
                                  "Whether the cache service is asked: 0 while it is left alone "
                                  "because it failed.")),
      breaker_({.failures = static_cast<int>(config.failures()),
                .base_ejection = service::ToDuration(config.pause()),
                .max_ejection = kLongestPause * service::ToDuration(config.pause())}) {
  available_.Set(configured() ? 1 : 0);
}

absl::Status CacheAccess::Open() {
  if (!configured()) return absl::OkStatus();
  rpc::ChannelOptions options;
  options.tls = service::ToClientTls(config_.tls());
  ABSL_ASSIGN_OR_RETURN(channels_, WorkerChannel::Open(config_.cache(), options, loops_));
  return absl::OkStatus();
}

bool CacheAccess::Usable(time::SteadyTime now) const {
  absl::MutexLock lock(mutex_);
  return !breaker_.Ejects(now);
}

void CacheAccess::Failed(time::SteadyTime now, const absl::Status& why) {
  {
    absl::MutexLock lock(mutex_);
    if (!breaker_.Failed(now) || std::exchange(away_, true)) return;
  }
  available_.Set(0);
  log_.Warn("the cache service is away: nothing is remembered", {{"error", why}});
}

void CacheAccess::Succeeded(time::SteadyTime now) {
  heard_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  {
    absl::MutexLock lock(mutex_);
    breaker_.Succeeded();
    if (!std::exchange(away_, false)) return;
  }
  available_.Set(1);
  log_.Info("the cache service is back");
}

}  // namespace chasqui::router
