// SPDX-License-Identifier: Apache-2.0
#include "services/cache/cache_server.h"

#include <chrono>
#include <memory>
#include <utility>

#include "absl/random/random.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/service/settings.h"
#include "services/cache/stats.h"

namespace chasqui::cache {
namespace {

using config::v1::CacheConfig;

// Of counters, so that the most asked are told exactly.
constexpr std::size_t kCountersForEach = 8;

Generations::Draw RandomNumbers() {
  struct Source {
    absl::Mutex mutex;
    absl::BitGen bits ABSL_GUARDED_BY(mutex);
  };
  return [source = std::make_shared<Source>()] {
    absl::MutexLock lock(source->mutex);
    return absl::Uniform<std::uint64_t>(absl::IntervalClosed, source->bits, 1, ~0ULL);
  };
}

PackingOptions Packing(const CacheConfig& config) {
  return {.min_bytes = config.packing().min_bytes(),
          .level = static_cast<int>(config.packing().level())};
}

std::unique_ptr<MemoryTier> MakeMemory(const config::v1::MemoryTierConfig& memory) {
  if (!memory.enabled()) return nullptr;
  return std::make_unique<MemoryTier>(
      MemoryTier::Options{.max_bytes = memory.max_bytes(),
                          .shards = memory.shards(),
                          .max_ttl = service::ToDuration(memory.max_ttl())});
}

FlightTable::Options Flights(const config::v1::FlightsConfig& flights) {
  return {.max_answer_bytes = flights.max_answer_bytes(),
          .max_bytes = flights.max_bytes(),
          .max_followers = flights.max_followers()};
}

Warmer::Options Warming(const config::v1::WarmingConfig& warming) {
  return {.predictive = warming.predictive(),
          .period = service::ToDuration(warming.period()),
          .top = warming.top(),
          .min_asked = warming.min_asked(),
          .lead_percent = warming.lead_percent(),
          .idle_percent = warming.idle_percent()};
}

}  // namespace

CacheServer::CacheServer(const CacheConfig& config, observability::Metrics& metrics,
                         observability::Logger log, const time::Clock& clock)
    : config_(config),
      registry_(metrics),
      log_(std::move(log)),
      clock_(clock),
      metrics_(metrics),
      generations_(config.max_generations(), RandomNumbers()),
      memory_(MakeMemory(config.memory())),
      flights_(Flights(config.flights())),
      top_(kCountersForEach * config.warming().top(),
           service::ToDuration(config.warming().period())),
      rpc_metrics_(metrics),
      server_(service::ToOptions("cache", config.server()), &rpc_metrics_) {}

CacheServer::~CacheServer() {
  collector_.reset();
  server_.Drain(time::Duration::zero());
  // What they still do they tell to the loops, which are still there.
  share_.reset();
  redis_.reset();
  disk_.reset();
}

void CacheServer::OpenDisk() {
  if (config_.disk().path().empty()) return;
  absl::StatusOr<std::unique_ptr<DiskTier>> disk = DiskTier::Open(
      config_.disk(), Packing(config_), config_.flights().max_answer_bytes(), clock_, log_);
  if (!disk.ok()) {
    log_.Error("there is no disk tier: its directory cannot be opened",
               {{"path", config_.disk().path()}, {"error", disk.status()}});
    return;
  }
  disk_ = *std::move(disk);
  disk_->Follow(generations_);
  Generations::Change change = generations_.Merge(disk_->generations());
  // More than there may be: all are forgotten.
  if (change.all_others_forgotten) {
    disk_->WriteGenerations(std::move(change), [](const absl::Status&) {});
  }
}

void CacheServer::OpenRedis() {
  if (config_.redis().server().address().empty()) return;
  redis_ = std::make_unique<RedisTier>(config_.redis(), Packing(config_),
                                       config_.flights().max_answer_bytes(), clock_, log_);
  share_ = std::make_unique<GenerationShare>(
      config_.redis(), generations_,
      [this](Generations::Change heard) {
        if (disk_ == nullptr || heard.entries.empty()) return;
        disk_->WriteGenerations(std::move(heard), [](const absl::Status&) {});
      },
      clock_, log_);
}

bool CacheServer::Hears() const {
  return share_ == nullptr || share_->UnheardFor(clock_.SteadyNow()) <=
                                  service::ToDuration(config_.redis().max_unheard());
}

absl::Status CacheServer::Start() {
  OpenDisk();
  OpenRedis();
  store_.emplace(
      AnswerStore::Tiers{.memory = memory_.get(), .redis = redis_.get(), .disk = disk_.get()},
      generations_, [this] { return Hears(); }, clock_, metrics_);
  const auto& ttl = config_.ttl();
  shared_.emplace(LookupCall::Shared{
      .flights = flights_,
      .store = *store_,
      .generations = generations_,
      .rates = rates_,
      .top = top_,
      .metrics = metrics_,
      .clock = clock_,
      .base_ttl = service::ToDuration(ttl.base()),
      .adaptive = {.least_percent = ttl.least_percent(), .most_percent = ttl.most_percent()}});
  invalidator_.emplace(generations_, disk_.get(), share_.get(), log_);
  if (!config_.warming().router().empty()) {
    ABSL_ASSIGN_OR_RETURN(RouterClient router, RouterClient::Create(config_.warming()));
    warmer_.emplace(Warming(config_.warming()), std::move(router), *store_, top_, metrics_, clock_,
                    log_);
  }
  service_.emplace(*shared_, *invalidator_, warmer_.has_value() ? &*warmer_ : nullptr);
  service_->Register(server_);
  collector_ = registry_.OnCollect([this] {
    Collect(*shared_);
    metrics_.hears_replicas.Set(Hears() ? 1 : 0);
  });
  ABSL_RETURN_IF_ERROR(server_.Start());
  if (warmer_.has_value()) server_.loop().Spawn(warmer_->Predict(server_.loop()));
  return absl::OkStatus();
}

bool CacheServer::Drain() {
  return server_.Drain(service::ToDuration(config_.server().drain_grace()));
}

std::string CacheServer::listen_address() const {
  const std::string& address = config_.server().listen_address();
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", server_.port());
}

}  // namespace chasqui::cache
