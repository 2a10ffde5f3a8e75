// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/cache/memory/throughput.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/concurrency/named_thread.h"
#include "common/time/clock.h"
#include "services/cache/memory/memory_tier.h"
#include "tests/bench/cache/memory/lru.h"
#include "tests/bench/cache/memory/trace.h"
#include "tests/support/cache/answers.h"

namespace chasqui::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAnswers = 10'000;
constexpr std::size_t kMaxBytes = 16 << 20;
constexpr std::size_t kDraws = 1 << 16;
constexpr time::Duration kWindow = 700ms;
constexpr int kRepetitions = 3;

class LockedLru {
 public:
  cache::AnswerPtr Get(const cache::AnswerKey& key, time::SystemTime now) {
    absl::MutexLock lock(mutex_);
    const cache::AnswerPtr* found = lru_.Find(key);
    if (found == nullptr || cache::ToMicros(now) >= (*found)->expires_us()) return nullptr;
    return *found;
  }
  void Put(cache::AnswerPtr answer, time::SystemTime) {
    const cache::AnswerKey key = cache::KeyOf(*answer);
    const std::size_t bytes = cache::MemoryBytes(*answer);
    absl::MutexLock lock(mutex_);
    lru_.Insert(key, std::move(answer), bytes);
  }

 private:
  absl::Mutex mutex_;
  Lru<cache::AnswerPtr> lru_ ABSL_GUARDED_BY(mutex_){kMaxBytes};
};

struct Load {
  std::vector<cache::AnswerPtr> answers;
  std::vector<cache::AnswerKey> keys;
  std::vector<std::uint32_t> draws;
};

Load MakeLoad() {
  Load load;
  for (std::size_t i = 0; i < kAnswers; ++i) {
    load.answers.push_back(testing::MakeAnswer(i, {.bytes = 2000}));
    load.keys.push_back(cache::KeyOf(*load.answers.back()));
  }
  std::mt19937_64 random(1);
  const Zipf zipf(kAnswers, 0.95);
  for (std::size_t i = 0; i < kDraws; ++i) {
    load.draws.push_back(static_cast<std::uint32_t>(zipf.Draw(random)));
  }
  return load;
}

// Operations in a second of `threads` threads together.
template <typename Tier>
double Measure(Tier& tier, const Load& load, int threads) {
  const time::SystemTime now = time::RealClock().SystemNow();
  std::atomic<std::uint64_t> operations = 0;
  const time::SteadyTime begin = time::SteadyNow();
  {
    std::vector<concurrency::NamedThread> running;
    for (int t = 0; t < threads; ++t) {
      running.emplace_back(absl::StrCat("bench-", t), [&, t](const std::stop_token&) {
        std::size_t at = kDraws / 7 * static_cast<std::size_t>(t);
        std::uint64_t done = 0;
        do {
          for (int i = 0; i < 256; ++i, ++done) {
            const std::uint32_t n = load.draws[at++ % kDraws];
            if (done % 10 == 0) {
              tier.Put(load.answers[n], now);
            } else {
              static_cast<void>(tier.Get(load.keys[n], now));
            }
          }
        } while (time::SteadyNow() - begin < kWindow);
        operations += done;
      });
    }
  }
  const std::chrono::duration<double> took = time::SteadyNow() - begin;
  return static_cast<double>(operations) / took.count();
}

}  // namespace

nlohmann::json MeasureThroughput() {
  const Load load = MakeLoad();
  nlohmann::json report = nlohmann::json::array();
  for (const int threads : {1, 2}) {
    double tier_ops = 0;
    double lru_ops = 0;
    // In turn, and the best of each: other processes only ever take away.
    for (int i = 0; i < kRepetitions; ++i) {
      cache::MemoryTier tier({.max_bytes = kMaxBytes, .shards = 8, .max_ttl = 1h});
      LockedLru lru;
      tier_ops = std::max(tier_ops, Measure(tier, load, threads));
      lru_ops = std::max(lru_ops, Measure(lru, load, threads));
    }
    report.push_back({{"threads", threads},
                      {"memory_tier_ops", tier_ops},
                      {"lru_ops", lru_ops},
                      {"ratio", tier_ops / lru_ops}});
  }
  return report;
}

}  // namespace chasqui::bench
