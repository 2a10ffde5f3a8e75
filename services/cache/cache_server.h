// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "chasqui/config/v1/cache_config.pb.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/rpc/server.h"
#include "common/service/rpc_metrics.h"
#include "common/time/clock.h"
#include "services/cache/cache_service.h"
#include "services/cache/disk/disk_tier.h"
#include "services/cache/flight/flight_table.h"
#include "services/cache/generation/generations.h"
#include "services/cache/invalidation/invalidator.h"
#include "services/cache/lookup/lookup_call.h"
#include "services/cache/memory/memory_tier.h"
#include "services/cache/metrics/cache_metrics.h"
#include "services/cache/redis/generation_share.h"
#include "services/cache/redis/redis_tier.h"
#include "services/cache/store/adaptive_ttl.h"
#include "services/cache/store/answer_store.h"
#include "services/cache/warming/top_asked.h"
#include "services/cache/warming/warmer.h"

namespace chasqui::cache {

// The cache service: composes and owns everything, in the order of construction. Made by main() and
// by tests. Confined to the thread that made it.
class CacheServer {
 public:
  // `config` must be valid. `metrics` and `clock` outlive it.
  CacheServer(const config::v1::CacheConfig& config, observability::Metrics& metrics,
              observability::Logger log, const time::Clock& clock = time::RealClock());
  CacheServer(const CacheServer&) = delete;
  CacheServer& operator=(const CacheServer&) = delete;
  ~CacheServer();

  // Opens the tiers and serves. A disk that cannot be opened is told and done without; UNAVAILABLE
  // and the like when the address cannot be had.
  absl::Status Start();
  // Ends in order within the configured grace; whether all calls could end by themselves.
  bool Drain();

  // "127.0.0.1:port" after Start().
  std::string local_address() const { return server_.local_address(); }
  // Where it listens, for people.
  std::string listen_address() const;

 private:
  void OpenDisk();
  void OpenRedis();
  bool Hears() const;

  const config::v1::CacheConfig config_;
  observability::Metrics& registry_;
  const observability::Logger log_;
  const time::Clock& clock_;
  CacheMetrics metrics_;
  Generations generations_;
  std::unique_ptr<MemoryTier> memory_;  // null: there is none, as below
  std::unique_ptr<DiskTier> disk_;
  std::unique_ptr<RedisTier> redis_;
  std::unique_ptr<GenerationShare> share_;  // its thread works on generations_ and disk_
  FlightTable flights_;
  HitRates rates_;
  TopAsked top_;
  // What Start() makes, once the tiers are open.
  std::optional<AnswerStore> store_;
  std::optional<LookupCall::Shared> shared_;
  std::optional<Invalidator> invalidator_;
  std::optional<Warmer> warmer_;
  std::optional<CacheService> service_;
  std::unique_ptr<observability::Metrics::Collector> collector_;
  service::RpcMetrics rpc_metrics_;
  rpc::Server server_;  // its loops work on all of the above
};

}  // namespace chasqui::cache
