// SPDX-License-Identifier: Apache-2.0
#include "common/resilience/gcra.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::resilience {
namespace {

using namespace std::chrono_literals;
using time::Duration;
using time::SteadyTime;

constexpr SteadyTime kStart{1000h};
constexpr GcraLimit kTenAMinute{.units = 10, .period = 1min};

// Takes one unit, if it may; whether it did.
bool Take(const GcraLimit& limit, GcraState& state, SteadyTime now, std::uint64_t units = 1) {
  const GcraVerdict verdict = GcraTake(limit, state, GcraCost(limit, units), now);
  if (verdict.allowed) state = verdict.state;
  return verdict.allowed;
}

TEST(Gcra, AllowsAWholePeriodsUnitsAtOnce) {
  for (const std::uint64_t units : {1, 3, 7, 10, 59, 60, 61, 997, 100'000}) {
    const GcraLimit limit{.units = units, .period = 1min};
    GcraState state;
    for (std::uint64_t i = 0; i < units; ++i) ASSERT_TRUE(Take(limit, state, kStart)) << units;
    EXPECT_FALSE(Take(limit, state, kStart)) << units;
  }
}

TEST(Gcra, SaysWhenTheNextUnitIsBack) {
  GcraState state;
  for (int i = 0; i < 10; ++i) Take(kTenAMinute, state, kStart);

  const Duration cost = GcraCost(kTenAMinute, 1);
  const GcraVerdict refused = GcraTake(kTenAMinute, state, cost, kStart + 2s);

  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, 4s);
  EXPECT_FALSE(GcraTake(kTenAMinute, state, cost, kStart + 6s - 1ns).allowed);
  EXPECT_TRUE(GcraTake(kTenAMinute, state, cost, kStart + 6s).allowed);
}

TEST(Gcra, ForgetsWhatHasComeBack) {
  GcraState state;
  for (int i = 0; i < 10; ++i) Take(kTenAMinute, state, kStart);

  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Take(kTenAMinute, state, kStart + 1min));
  EXPECT_FALSE(Take(kTenAMinute, state, kStart + 1min));
}

TEST(Gcra, NeverAllowsMoreThanAPeriodHolds) {
  GcraState state;
  EXPECT_FALSE(Take(kTenAMinute, state, kStart, 11));
}

TEST(Gcra, LetsPassWhatCostsNothing) {
  const GcraState in_debt{.full_at = kStart + 1h};
  EXPECT_TRUE(GcraTake(kTenAMinute, in_debt, Duration::zero(), kStart).allowed);
}

TEST(Gcra, DoesNotOverflowForTheLargestLimits) {
  const GcraLimit limit{.units = 1'000'000'000, .period = 1h};
  EXPECT_EQ(GcraCost(limit, 999'999'999), 1h - 3600ns);
  EXPECT_EQ(GcraCost({.units = ~std::uint64_t{0}, .period = 1h}, 1), 1ns);
  EXPECT_GT(kStart + GcraCost({.units = 1, .period = 1h}, ~std::uint64_t{0}), kStart);
}

// A leaky bucket in exact integers: its level counts units times nanoseconds.
class ExactBucket {
 public:
  explicit ExactBucket(GcraLimit limit) : limit_(limit) {}

  bool Take(std::uint64_t units, SteadyTime now) {
    Drain(now);
    const __int128 with = level_ + Weight(units);
    if (with > Capacity()) return false;
    level_ = with;
    return true;
  }
  void Force(std::uint64_t units, SteadyTime now) {
    Drain(now);
    level_ += Weight(units);
  }
  // When it will be empty.
  SteadyTime full_at(SteadyTime now) {
    Drain(now);
    return now + Duration(static_cast<std::int64_t>(level_ / limit_.units));
  }

 private:
  __int128 Weight(std::uint64_t units) const {
    return static_cast<__int128>(units) * limit_.period.count();
  }
  __int128 Capacity() const { return Weight(limit_.units); }
  void Drain(SteadyTime now) {
    const __int128 drained = static_cast<__int128>((now - last_).count()) * limit_.units;
    level_ = std::max<__int128>(0, level_ - drained);
    last_ = now;
  }

  const GcraLimit limit_;
  __int128 level_ = 0;
  SteadyTime last_ = kStart;
};

// Limits that divide their period, so that nothing is rounded and both must agree to the tick.
TEST(Gcra, AgreesWithAnExactBucketOverRandomTraces) {
  std::mt19937_64 random(20260726);
  for (const std::uint64_t units : {1, 2, 5, 60, 1000, 100'000}) {
    for (const Duration period : {Duration(1min), Duration(1h)}) {
      const GcraLimit limit{.units = units, .period = period};
      ExactBucket exact(limit);
      GcraState state;
      SteadyTime now = kStart;
      int refused = 0;
      for (int i = 0; i < 5000; ++i) {
        const std::uint64_t asked = random() % (units / 4 + 1) + 1;
        // About as fast as the limit allows, now and then in bursts.
        now += random() % 4 == 0
                   ? Duration::zero()
                   : Duration(static_cast<std::int64_t>(
                         random() % static_cast<std::uint64_t>(period.count() / 4 + 1)));
        const bool taken = Take(limit, state, now, asked);
        ASSERT_EQ(taken, exact.Take(asked, now)) << units << " at step " << i;
        refused += taken ? 0 : 1;
      }
      EXPECT_GT(refused, 0) << units;
    }
  }
}

TEST(Gcra, GivesBackWhatWasChargedTooMuch) {
  GcraState state;
  ASSERT_TRUE(Take(kTenAMinute, state, kStart, 10));

  const GcraState settled = GcraSettle(state, state, 1min, GcraCost(kTenAMinute, 2), kStart + 6s);

  // Two were used, one of them is back.
  EXPECT_EQ(settled.full_at, kStart + 12s);
  EXPECT_EQ(settled.returned, 48s);
}

TEST(Gcra, ChargesLaterWhatWasChargedTooLittle) {
  GcraState state;
  ASSERT_TRUE(Take(kTenAMinute, state, kStart, 1));

  EXPECT_EQ(GcraSettle(state, state, 6s, 18s, kStart).full_at, kStart + 18s);
  EXPECT_EQ(GcraSettle(state, state, 6s, 18s, kStart + 1h).full_at, kStart + 1h + 12s);
}

TEST(Gcra, GivesNothingBackThatHasComeBackByItself) {
  GcraState state;
  ASSERT_TRUE(Take(kTenAMinute, state, kStart, 10));
  const GcraState first = state;
  const SteadyTime later = kStart + 2min;
  ASSERT_TRUE(Take(kTenAMinute, state, later, 10));

  EXPECT_EQ(GcraSettle(state, first, 1min, Duration::zero(), later).full_at, later + 1min);
}

// The second's stretch ends earlier once the first's is given back: it has come back by itself when
// it is settled, and the third's must not be given back in its place.
TEST(Gcra, GivesNoOtherChargeBackInPlaceOfItsOwn) {
  GcraState state;
  ASSERT_TRUE(Take(kTenAMinute, state, kStart, 5));
  const GcraState first = state;
  ASSERT_TRUE(Take(kTenAMinute, state, kStart, 5));
  const GcraState second = state;
  state = GcraSettle(state, first, 30s, Duration::zero(), kStart);
  ASSERT_TRUE(Take(kTenAMinute, state, kStart + 30s, 5));
  ASSERT_EQ(state.full_at, kStart + 1min);

  state = GcraSettle(state, second, 30s, Duration::zero(), kStart + 30s);

  EXPECT_EQ(state.full_at, kStart + 1min);
}

// Against a bucket that knew each request's real cost from the start and took the same requests.
TEST(Gcra, SettlingNeverAllowsMoreThanTheRealCostsWouldHave) {
  std::mt19937_64 random(42);
  const GcraLimit limit{.units = 1000, .period = 1min};
  struct Open {
    SteadyTime ends;
    GcraState then;
    std::uint64_t charged;
    std::uint64_t actual;
  };
  const auto settle = [&](const GcraState& state, const Open& one, SteadyTime now) {
    return GcraSettle(state, one.then, GcraCost(limit, one.charged), GcraCost(limit, one.actual),
                      now);
  };
  std::uint64_t given_back = 0;
  for (int round = 0; round < 500; ++round) {
    ExactBucket exact(limit);
    GcraState state;
    SteadyTime now = kStart;
    std::vector<Open> open;
    for (int i = 0; i < 200; ++i) {
      now += Duration(static_cast<std::int64_t>(random() % 8'000'000'000));
      std::erase_if(open, [&](const Open& one) {
        if (one.ends <= now) state = settle(state, one, now);
        return one.ends <= now;
      });
      const std::uint64_t charged = random() % 400 + 1;
      const std::uint64_t actual = random() % charged;
      if (!Take(limit, state, now, charged)) continue;
      exact.Force(actual, now);
      const auto lasts = Duration(static_cast<std::int64_t>(random() % 30'000'000'000));
      open.push_back({now + lasts, state, charged, actual});
      // As if all of them ended at this moment, in another order.
      GcraState settled = state;
      std::vector<Open> ending = open;
      std::ranges::shuffle(ending, random);
      for (const Open& one : ending) settled = settle(settled, one, now);
      ASSERT_GE(std::max(settled.full_at, now), exact.full_at(now)) << round << ", " << i;
    }
    given_back += static_cast<std::uint64_t>(state.returned.count());
  }
  EXPECT_GT(given_back, 0);
}

// What settling is for: a tenant whose requests are charged four times what they use still gets
// nearly all of its quota.
TEST(Gcra, SettlingLeavesABusyTenantItsQuota) {
  const GcraLimit limit{.units = 60'000, .period = 1min};
  GcraState state;
  SteadyTime now = kStart;
  std::vector<std::pair<SteadyTime, GcraState>> open;
  std::uint64_t used = 0;
  for (int step = 0; step < 60 * 60 * 10; ++step) {
    now += 100ms;
    std::erase_if(open, [&](const auto& one) {
      if (one.first > now) return false;
      state = GcraSettle(state, one.second, GcraCost(limit, 2000), GcraCost(limit, 500), now);
      used += 500;
      return true;
    });
    while (open.size() < 100 && Take(limit, state, now, 2000)) {
      open.emplace_back(now + 5s, state);
    }
  }
  EXPECT_GT(used, 60 * 60'000 * 0.8);
  EXPECT_LT(used, 61 * 60'000);
}

}  // namespace
}  // namespace chasqui::resilience
