// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "common/status/status.h"
#include "services/cache/cache_config.h"
#include "services/cache/lookup/question.h"
#include "services/cache/store/adaptive_ttl.h"
#include "services/cache/store/placement.h"
#include "services/cache/warming/spare_capacity.h"
#include "services/cache/warming/top_asked.h"
#include "services/cache/warming/warmer.h"
#include "tests/support/cache/answers.h"
#include "tests/support/fake_clock.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

TEST(CacheConfig, DefaultsAreValid) { EXPECT_THAT(Validate(DefaultConfig()), IsEmpty()); }

TEST(CacheConfig, SaysEverythingThatIsWrong) {
  auto config = DefaultConfig();
  config.mutable_memory()->set_enabled(false);
  config.mutable_memory()->set_shards(0);
  config.mutable_ttl()->set_least_percent(101);
  config.mutable_redis()->mutable_server()->set_username("u");
  config.mutable_warming()->set_router("nowhere");

  EXPECT_THAT(Validate(config), SizeIs(5));
}

TEST(Placement, GoesByPriorityAndLeavesNothingOut) {
  constexpr TierSet kAll = {.memory = true, .redis = true, .disk = true};
  constexpr TierSet kMemory = {.memory = true};
  constexpr TierSet kUpper = {.memory = true, .redis = true};
  using inference::v1::PRIORITY_HIGH;
  using inference::v1::PRIORITY_LOW;
  using inference::v1::PRIORITY_NORMAL;
  EXPECT_EQ(Place(PRIORITY_HIGH, kAll), kAll);
  EXPECT_EQ(Place(PRIORITY_NORMAL, kAll), (TierSet{.redis = true, .disk = true}));
  EXPECT_EQ(Place(inference::v1::PRIORITY_UNSPECIFIED, kAll),
            (TierSet{.redis = true, .disk = true}));
  EXPECT_EQ(Place(PRIORITY_LOW, kAll), (TierSet{.disk = true}));
  EXPECT_EQ(Place(PRIORITY_LOW, kUpper), (TierSet{.redis = true}));
  EXPECT_EQ(Place(PRIORITY_LOW, kMemory), kMemory);
  EXPECT_EQ(Place(PRIORITY_NORMAL, kMemory), kMemory);
  EXPECT_EQ(Place(PRIORITY_HIGH, {}), TierSet{});
}

TEST(AdaptiveTtl, GrowsWithTheRateOfHits) {
  const AdaptiveTtlOptions options = {.least_percent = 50, .most_percent = 400};
  EXPECT_EQ(AdaptTtl(100s, 0, options), 50s);
  EXPECT_EQ(AdaptTtl(100s, 0.125, options), 75s);
  EXPECT_EQ(AdaptTtl(100s, 0.25, options), 100s);
  EXPECT_EQ(AdaptTtl(100s, 0.625, options), 250s);
  EXPECT_EQ(AdaptTtl(100s, 1, options), 400s);
  EXPECT_EQ(AdaptTtl(100s, 7, {.least_percent = 100, .most_percent = 100}), 100s);
}

TEST(HitRates, GoTowardsWhatHappens) {
  HitRates rates;
  EXPECT_EQ(rates.Of("m", "t"), 0.25);
  for (int i = 0; i < 1000; ++i) {
    rates.Record("m", "t", true);
    rates.Record("m", "u", false);
  }
  EXPECT_GT(rates.Of("m", "t"), 0.99);
  EXPECT_LT(rates.Of("m", "u"), 0.01);
}

TEST(HitRates, AreBounded) {
  HitRates rates(2);
  for (const char* tenant : {"a", "b", "c", "d"}) rates.Record("m", tenant, true);

  EXPECT_EQ(rates.Of("m", "c"), rates.Of("m", "d")) << "the rest share one";
}

TEST(TopAsked, TellsTheMostAskedOfTheLastPeriod) {
  testing::FakeClock clock;
  TopAsked top(10, 1min);
  for (std::uint64_t key = 1; key <= 5; ++key) {
    for (std::uint64_t i = 0; i < key; ++i)
      top.Record(testing::KeyNumber(key), "m", clock.SteadyNow());
  }
  EXPECT_EQ(top.Top(1, clock.SteadyNow())[0].key, testing::KeyNumber(5)) << "of the running period";
  clock.Advance(1min);
  top.Record(testing::KeyNumber(9), "m", clock.SteadyNow());

  const auto entries = top.Top(2, clock.SteadyNow());

  ASSERT_THAT(entries, SizeIs(2));
  EXPECT_EQ(entries[0].key, testing::KeyNumber(5));
  EXPECT_EQ(entries[0].asked, 5);
  EXPECT_EQ(entries[0].error, 0);
  EXPECT_EQ(entries[1].key, testing::KeyNumber(4));
  clock.Advance(3min);
  EXPECT_THAT(top.Top(2, clock.SteadyNow()), IsEmpty()) << "nobody has asked for long";
}

TEST(TopAsked, FindsTheFrequentAmongManyWithFewCounters) {
  testing::FakeClock clock;
  TopAsked top(16, 1h);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    top.Record(testing::KeyNumber(i % 4 == 0 ? 7 : 1000 + i), "m", clock.SteadyNow());
  }

  const auto entries = top.Top(1, clock.SteadyNow());

  EXPECT_EQ(entries[0].key, testing::KeyNumber(7));
  EXPECT_GE(entries[0].asked, 2500);
  EXPECT_LE(entries[0].asked - entries[0].error, 2500);
}

TEST(SpareCapacity, NeedsIdleSlotsAndAnEmptyQueue) {
  const std::string ready = "workers { state: WORKER_STATE_READY load { models { model: 'm' ";
  const auto fleet = [](const std::string& text) {
    return Parse<fleet::v1::WatchFleetResponse>(text);
  };
  EXPECT_FALSE(HasSpare(fleet(""), "m", 50));
  EXPECT_TRUE(HasSpare(fleet(ready + "slots: 4 active: 2 } } }"), "m", 50));
  EXPECT_FALSE(HasSpare(fleet(ready + "slots: 4 active: 3 } } }"), "m", 50));
  EXPECT_FALSE(HasSpare(fleet(ready + "slots: 4 } } }"), "other", 50));
  EXPECT_FALSE(HasSpare(fleet(ready + "slots: 4 } } } queues { model: 'm' queued: 1 }"), "m", 50));
  EXPECT_FALSE(HasSpare(
      fleet("workers { state: WORKER_STATE_DRAINING load { models { model: 'm' slots: 4 } } }"),
      "m", 50));
}

TEST(Question, IsRefusedWithAllThatIsWrong) {
  const auto question =
      ReadQuestion(Parse<v1::Ask>("key: 'k' tags: 'b' tags: 'a' ttl { nanos: 1 }"));
  EXPECT_THAT(status::FieldViolations(question.status()), SizeIs(3));
}

TEST(Names, OfAnInvalidation) {
  const auto names = NamesOf(Parse<v1::InvalidateRequest>(
      "keys: '0123456789abcdef0123456789abcdef' tags: 't' models: 'm' everything: true"));
  ASSERT_TRUE(names.ok());
  EXPECT_THAT(*names, ElementsAre(KeyName(*AnswerKey::Parse("0123456789abcdef0123456789abcdef")),
                                  "tag:t", "model:m", "everything"));
  EXPECT_FALSE(NamesOf({}).ok());
  EXPECT_FALSE(NamesOf(Parse<v1::InvalidateRequest>("tags: ''")).ok());
  EXPECT_FALSE(NamesOf(Parse<v1::InvalidateRequest>("keys: 'short'")).ok());
}

TEST(WarmRequest, NamesWhatIsNeverRemembered) {
  EXPECT_FALSE(Check(v1::WarmRequest()).ok());
  const auto wrong =
      Check(Parse<v1::WarmRequest>("requests { prompt: 'a' sampling { temperature: 0 } } requests "
                                   "{ prompt: 'b' } concurrency: 65"));
  const auto violations = status::FieldViolations(wrong);
  ASSERT_THAT(violations, SizeIs(2));
  EXPECT_EQ(violations[1].field, "requests[1]");
}

}  // namespace
}  // namespace chasqui::cache
