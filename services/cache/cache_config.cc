// SPDX-License-Identifier: Apache-2.0
#include "services/cache/cache_config.h"

#include <chrono>
#include <utility>

#include "common/config/checks.h"
#include "common/redis/settings.h"
#include "common/service/settings.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using config::v1::CacheConfig;

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kTiB = 1ULL << 40;
constexpr auto kYear = std::chrono::days(365);
constexpr auto kTenYears = std::chrono::days(3650);

void Check(const config::v1::MemoryTierConfig& memory, config::Checks& checks) {
  checks.ByteRange("memory.max_bytes", memory.max_bytes(), kMiB, 16 * kTiB);
  checks.Range("memory.shards", memory.shards(), 1, 256);
  checks.Range("memory.max_ttl", memory.max_ttl(), 1s, kYear);
}

void Check(const config::v1::RedisTierConfig& redis, config::Checks& checks) {
  redis::Check("redis.server", redis.server(), checks);
  checks.Range("redis.connections", redis.connections(), 1, 64);
  checks.Range("redis.max_ttl", redis.max_ttl(), 1s, kYear);
  checks.Range("redis.max_unheard", redis.max_unheard(), 0s, kYear);
}

void Check(const config::v1::DiskTierConfig& disk, config::Checks& checks) {
  checks.ByteRange("disk.max_bytes", disk.max_bytes(), 16 * kMiB, 1024 * kTiB);
  checks.Range("disk.max_ttl", disk.max_ttl(), 1s, kTenYears);
  checks.Range("disk.threads", disk.threads(), 1, 64);
  checks.ByteRange("disk.block_cache_bytes", disk.block_cache_bytes(), kMiB, kTiB);
}

void Check(const config::v1::WarmingConfig& warming, config::Checks& checks) {
  if (!warming.router().empty()) checks.Address("warming.router", warming.router());
  service::Check("warming.tls", warming.tls(), checks);
  checks.Range("warming.period", warming.period(), 1s, 24h);
  checks.Range("warming.top", warming.top(), 1, 128);
  checks.Range("warming.min_asked", warming.min_asked(), 1, 1'000'000);
  checks.Range("warming.lead_percent", warming.lead_percent(), 1, 90);
  checks.Range("warming.idle_percent", warming.idle_percent(), 1, 100);
}

}  // namespace

CacheConfig DefaultConfig() {
  CacheConfig config;
  service::SetDefaults("127.0.0.1:50071", *config.mutable_server());
  auto& memory = *config.mutable_memory();
  memory.set_enabled(true);
  memory.set_max_bytes(256 * kMiB);
  memory.set_shards(8);
  *memory.mutable_max_ttl() = service::ToProto(1h);
  auto& redis = *config.mutable_redis();
  redis::SetDefaults(*redis.mutable_server());
  redis.set_connections(2);
  *redis.mutable_max_ttl() = service::ToProto(24h);
  *redis.mutable_max_unheard() = service::ToProto(10min);
  auto& disk = *config.mutable_disk();
  disk.set_max_bytes(8192 * kMiB);
  *disk.mutable_max_ttl() = service::ToProto(168h);
  disk.set_threads(2);
  disk.set_block_cache_bytes(32 * kMiB);
  auto& ttl = *config.mutable_ttl();
  *ttl.mutable_base() = service::ToProto(24h);
  ttl.set_least_percent(50);
  ttl.set_most_percent(400);
  auto& flights = *config.mutable_flights();
  flights.set_max_answer_bytes(4 * kMiB);
  flights.set_max_bytes(256 * kMiB);
  flights.set_max_followers(10'000);
  config.mutable_packing()->set_min_bytes(2048);
  config.mutable_packing()->set_level(3);
  auto& warming = *config.mutable_warming();
  warming.set_predictive(true);
  *warming.mutable_period() = service::ToProto(10min);
  warming.set_top(32);
  warming.set_min_asked(3);
  warming.set_lead_percent(20);
  warming.set_idle_percent(50);
  config.set_max_generations(1'000'000);
  return config;
}

std::vector<std::string> Validate(const CacheConfig& config) {
  config::Checks checks;
  service::Check("server", config.server(), checks);
  Check(config.memory(), checks);
  Check(config.redis(), checks);
  Check(config.disk(), checks);
  checks.Range("ttl.base", config.ttl().base(), 1s, kTenYears);
  checks.Range("ttl.least_percent", config.ttl().least_percent(), 1, 100);
  checks.Range("ttl.most_percent", config.ttl().most_percent(), 100, 10'000);
  checks.ByteRange("flights.max_answer_bytes", config.flights().max_answer_bytes(), 4096,
                   256 * kMiB);
  checks.ByteRange("flights.max_bytes", config.flights().max_bytes(), kMiB, kTiB);
  checks.Range("flights.max_followers", config.flights().max_followers(), 0, 1'000'000);
  checks.ByteRange("packing.min_bytes", config.packing().min_bytes(), 0, 1024 * kMiB);
  checks.Range("packing.level", config.packing().level(), 1, 19);
  Check(config.warming(), checks);
  checks.Range("max_generations", config.max_generations(), 1000, 100'000'000);
  const bool any = config.memory().enabled() || !config.redis().server().address().empty() ||
                   !config.disk().path().empty();
  checks.Require(any, "memory.enabled", "must be true where there is no other tier");
  return std::move(checks).Take();
}

}  // namespace chasqui::cache
