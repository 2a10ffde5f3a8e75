// SPDX-License-Identifier: Apache-2.0
#include "services/cache/store/answer_store.h"

#include <chrono>
#include <memory>
#include <utility>

#include "services/cache/store/on_loop.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

// A tier that hangs must not hold up who could do without it.
constexpr time::Duration kLongestRead = 1s;
constexpr time::Duration kLongestWrite = 10s;

absl::Status Late() { return absl::UnavailableError("it did not answer in time"); }

}  // namespace

AnswerStore::AnswerStore(Tiers tiers, const Generations& generations, std::function<bool()> hears,
                         const time::Clock& clock, CacheMetrics& metrics)
    : tiers_(tiers),
      generations_(generations),
      hears_(std::move(hears)),
      clock_(clock),
      metrics_(metrics) {}

bool AnswerStore::IsValid(const StoredAnswer& answer) const { return generations_.IsValid(answer); }

void AnswerStore::Count(v1::Tier tier, bool hit) {
  Counters& counters = counters_.at(tier);
  (hit ? counters.hits : counters.misses).fetch_add(1, std::memory_order_relaxed);
  metrics_.Lookup(tier, hit).Increment();
}

AnswerPtr AnswerStore::InMemory(const AnswerKey& key) {
  if (tiers_.memory == nullptr) return nullptr;
  // While nobody can tell what is valid, all stays where it is.
  AnswerPtr answer = hears_() ? tiers_.memory->Get(key, clock_.SystemNow()) : nullptr;
  if (answer != nullptr && !IsValid(*answer)) {
    counters_.at(v1::TIER_MEMORY).invalid.fetch_add(1, std::memory_order_relaxed);
    tiers_.memory->Remove(key);
    answer = nullptr;
  }
  Count(v1::TIER_MEMORY, answer != nullptr);
  return answer;
}

rpc::Task<AnswerPtr> AnswerStore::Ask(rpc::Loop& loop, Tier& tier, v1::Tier name, AnswerKey key,
                                      bool counts) {
  if (!tier.available() || !hears_()) co_return nullptr;
  const time::SteadyTime begun = time::SteadyNow();
  const auto asked = std::make_shared<Asked<absl::StatusOr<AnswerPtr>>>(loop);
  tier.Get(key, Setter(asked));
  const auto timer = loop.After(kLongestRead, [&answer = asked->answer] { answer.Set(Late()); });
  absl::StatusOr<AnswerPtr> found = co_await asked->answer;
  AnswerPtr answer = found.ok() ? *std::move(found) : nullptr;
  if (answer != nullptr && !IsValid(*answer)) {
    counters_.at(name).invalid.fetch_add(1, std::memory_order_relaxed);
    // Other replicas may know better, and the next answer takes its place.
    if (name != v1::TIER_REDIS) tier.Remove(key);
    answer = nullptr;
  }
  if (counts) {
    metrics_.Seconds(name).Observe(
        std::chrono::duration<double>(time::SteadyNow() - begun).count());
    Count(name, answer != nullptr);
  }
  co_return answer;
}

rpc::Task<std::optional<AnswerStore::Hit>> AnswerStore::Look(rpc::Loop& loop, AnswerKey key,
                                                             bool counts) {
  if (tiers_.redis != nullptr) {
    AnswerPtr answer = co_await Ask(loop, *tiers_.redis, v1::TIER_REDIS, key, counts);
    if (answer != nullptr) co_return Hit{.answer = std::move(answer), .tier = v1::TIER_REDIS};
  }
  if (tiers_.disk != nullptr) {
    AnswerPtr answer = co_await Ask(loop, *tiers_.disk, v1::TIER_DISK, key, counts);
    if (answer != nullptr) co_return Hit{.answer = std::move(answer), .tier = v1::TIER_DISK};
  }
  co_return std::nullopt;
}

rpc::Task<std::optional<AnswerStore::Hit>> AnswerStore::Below(rpc::Loop& loop, AnswerKey key) {
  std::optional<Hit> hit = co_await Look(loop, key, /*counts=*/true);
  if (hit.has_value()) Promote(*hit);
  co_return hit;
}

std::optional<AnswerStore::Hit> AnswerStore::PeekMemory(const AnswerKey& key) const {
  if (tiers_.memory == nullptr || !hears_()) return std::nullopt;
  AnswerPtr answer = tiers_.memory->Get(key, clock_.SystemNow());
  if (answer == nullptr || !IsValid(*answer)) return std::nullopt;
  return Hit{.answer = std::move(answer), .tier = v1::TIER_MEMORY};
}

rpc::Task<std::optional<AnswerStore::Hit>> AnswerStore::Peek(rpc::Loop& loop, AnswerKey key) {
  if (std::optional<Hit> hit = PeekMemory(key)) co_return hit;
  co_return co_await Look(loop, key, /*counts=*/false);
}

void AnswerStore::Promote(const Hit& hit) {
  if (tiers_.memory != nullptr) tiers_.memory->Put(hit.answer, clock_.SystemNow());
  if (hit.tier == v1::TIER_DISK && tiers_.redis != nullptr && tiers_.redis->available()) {
    tiers_.redis->Put(hit.answer, [](const absl::Status&) {});
  }
}

rpc::Task<std::vector<v1::Tier>> AnswerStore::Remember(rpc::Loop& loop, AnswerPtr answer) {
  std::vector<v1::Tier> stored;
  if (!hears_() || !IsValid(*answer)) co_return stored;
  const TierSet place = Place(static_cast<inference::v1::Priority>(answer->priority()),
                              {.memory = tiers_.memory != nullptr,
                               .redis = tiers_.redis != nullptr && tiers_.redis->available(),
                               .disk = tiers_.disk != nullptr && tiers_.disk->available()});
  using Ack = Asked<absl::Status>;
  std::vector<std::pair<v1::Tier, std::shared_ptr<Ack>>> acks;
  const auto put = [&](Tier& tier, v1::Tier name) {
    acks.emplace_back(name, std::make_shared<Ack>(loop));
    tier.Put(answer, Setter(acks.back().second));
  };
  // An older answer must not outlive the new one where that does not go.
  if (place.redis) {
    put(*tiers_.redis, v1::TIER_REDIS);
  } else if (tiers_.redis != nullptr) {
    tiers_.redis->Remove(KeyOf(*answer));
  }
  if (place.disk) put(*tiers_.disk, v1::TIER_DISK);
  if (place.memory) {
    if (tiers_.memory->Put(answer, clock_.SystemNow())) stored.push_back(v1::TIER_MEMORY);
  } else if (tiers_.memory != nullptr) {
    tiers_.memory->Remove(KeyOf(*answer));
  }
  const auto timer = loop.After(kLongestWrite, [&acks] {
    for (const auto& [name, ack] : acks) ack->answer.Set(Late());
  });
  for (const auto& [name, ack] : acks) {
    if ((co_await ack->answer).ok()) stored.push_back(name);
  }
  co_return stored;
}

void AnswerStore::Remove(const AnswerKey& key) {
  if (tiers_.memory != nullptr) tiers_.memory->Remove(key);
  if (tiers_.redis != nullptr) tiers_.redis->Remove(key);
  if (tiers_.disk != nullptr) tiers_.disk->Remove(key);
}

void AnswerStore::ClearMemory() {
  if (tiers_.memory != nullptr) tiers_.memory->Clear();
}

AnswerStore::Counts AnswerStore::counts(v1::Tier tier) const {
  const Counters& counters = counters_.at(tier);
  return {.hits = counters.hits.load(std::memory_order_relaxed),
          .misses = counters.misses.load(std::memory_order_relaxed),
          .invalid = counters.invalid.load(std::memory_order_relaxed)};
}

}  // namespace chasqui::cache
