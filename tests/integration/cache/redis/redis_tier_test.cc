// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/redis_tier.h"

#include <atomic>
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "common/time/clock.h"
#include "tests/integration/cache/redis/tier_fixture.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using absl_testing::IsOk;
using absl_testing::StatusIs;
using ::testing::AllOf;
using ::testing::Gt;
using ::testing::Le;
using testing::WaitUntil;

constexpr char kAway[] = "Redis is away";
constexpr char kBack[] = "answers are remembered in Redis";

class RedisTierTest : public TierFixture {};

TEST_F(RedisTierTest, GivesBackWhatItWasGiven) {
  const auto tier = OpenAndWait();
  EXPECT_THAT(Get(*tier, KeyFor(1)), StatusIs(absl::StatusCode::kNotFound));

  ASSERT_THAT(Put(*tier, AnswerFor(1)), IsOk());

  const auto answer = Get(*tier, KeyFor(1));
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ((*answer)->SerializeAsString(), AnswerFor(1)->SerializeAsString());
  EXPECT_THAT(Get(*tier, KeyFor(2)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(tier->counts().stores, 1);
  EXPECT_EQ(tier->counts().errors, 0);
}

TEST_F(RedisTierTest, IsSharedByReplicas) {
  const auto one = OpenAndWait();
  const auto other = OpenAndWait();

  ASSERT_THAT(Put(*one, AnswerFor(1)), IsOk());

  EXPECT_THAT(Get(*other, KeyFor(1)), IsOk());
}

TEST_F(RedisTierTest, ForgetsWhatIsRemoved) {
  const auto tier = OpenAndWait();
  ASSERT_THAT(Put(*tier, AnswerFor(1)), IsOk());

  tier->Remove(KeyFor(1));

  EXPECT_THAT(Get(*tier, KeyFor(1)), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RedisTierTest, KeepsAnswersForTheirTimeButNotBeyondItsOwn) {
  const auto tier = OpenAndWait();
  ASSERT_THAT(Put(*tier, AnswerFor(1, 10min)), IsOk());
  ASSERT_THAT(Put(*tier, AnswerFor(2, 24h)), IsOk());

  EXPECT_THAT(Ask({"PTTL", NameOf(KeyFor(1))})->integer, AllOf(Gt(500'000), Le(600'000)));
  EXPECT_THAT(Ask({"PTTL", NameOf(KeyFor(2))})->integer, AllOf(Gt(3'500'000), Le(3'600'000)));
}

TEST_F(RedisTierTest, TellsNothingThatHasExpired) {
  const auto tier = OpenAndWait();
  ASSERT_THAT(Put(*tier, AnswerFor(1, 10min)), IsOk());

  clock_.Advance(10min);

  EXPECT_THAT(Get(*tier, KeyFor(1)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(tier->counts().expired, 1);
  EXPECT_THAT(Put(*tier, AnswerFor(2, 0s)), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(RedisTierTest, DeletesWhatIsDamaged) {
  const auto tier = OpenAndWait();
  ASSERT_THAT(Put(*tier, AnswerFor(1)), IsOk());
  ASSERT_THAT(Ask({"SETRANGE", NameOf(KeyFor(1)), "20", "damage"}), IsOk());

  EXPECT_THAT(Get(*tier, KeyFor(1)), StatusIs(absl::StatusCode::kNotFound));

  EXPECT_EQ(tier->counts().damaged, 1);
  EXPECT_TRUE(WaitUntil([&] { return Ask({"EXISTS", NameOf(KeyFor(1))})->integer == 0; }));
}

TEST_F(RedisTierTest, DeletesTheAnswerToAnotherRequest) {
  const auto tier = OpenAndWait();
  ASSERT_THAT(Put(*tier, AnswerFor(1)), IsOk());
  ASSERT_THAT(Ask({"RENAME", NameOf(KeyFor(1)), NameOf(KeyFor(2))}), IsOk());

  EXPECT_THAT(Get(*tier, KeyFor(2)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(tier->counts().damaged, 1);
}

TEST_F(RedisTierTest, TakesNothingThatIsTooLong) {
  const auto tier = OpenAndWait();
  auto answer = std::make_shared<StoredAnswer>(*AnswerFor(1));
  answer->add_events(std::string(kMaxAnswerBytes + kUnpackedOverhead, 'x'));
  ASSERT_THAT(Put(*tier, answer), IsOk());

  EXPECT_THAT(Get(*tier, KeyFor(1)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(tier->counts().damaged, 1);
}

TEST_F(RedisTierTest, TellsErrorsOfTheServerAndGoesOn) {
  const auto tier = OpenAndWait();
  ASSERT_THAT(Ask({"LPUSH", NameOf(KeyFor(1)), "x"}), IsOk());

  EXPECT_THAT(Get(*tier, KeyFor(1)), StatusIs(absl::StatusCode::kInternal));

  EXPECT_EQ(tier->counts().errors, 1);
  EXPECT_TRUE(tier->available());
}

TEST_F(RedisTierTest, IsUnavailableAtOnceWhileRedisIsAway) {
  const auto tier = OpenAndWait();
  ASSERT_THAT(Put(*tier, AnswerFor(1)), IsOk());

  redis_.Kill();
  ASSERT_TRUE(WaitUntilAvailable(*tier, false));
  EXPECT_THAT(Get(*tier, KeyFor(1)), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Put(*tier, AnswerFor(1)), StatusIs(absl::StatusCode::kUnavailable));
  tier->Remove(KeyFor(1));
  redis_.Start();

  ASSERT_TRUE(WaitUntilAvailable(*tier));
  EXPECT_THAT(Put(*tier, AnswerFor(1)), IsOk());
  EXPECT_THAT(Get(*tier, KeyFor(1)), IsOk());
  EXPECT_TRUE(WaitUntilLogged(kBack, 2));
  EXPECT_EQ(Logged(kAway), 1);
}

TEST_F(RedisTierTest, WaitsNoLongerThanItMayForARedisThatHangsAndLeavesItAlone) {
  const auto tier = OpenAndWait(30ms);
  redis_.Hang();

  std::atomic<int> unavailable = 0;
  for (int i = 0; i < 100; ++i) {
    tier->Get(KeyFor(i), [&](const absl::StatusOr<AnswerPtr>& found) {
      if (absl::IsUnavailable(found.status())) ++unavailable;
    });
  }
  ASSERT_TRUE(WaitUntil([&] { return unavailable == 100; }));
  EXPECT_FALSE(tier->available());
  EXPECT_THAT(Get(*tier, KeyFor(1)), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_TRUE(WaitUntilLogged(kAway, 1));
  redis_.Resume();

  // The clock stands still: no pause is over, but what was late is answered, or the link anew.
  ASSERT_TRUE(WaitUntilAvailable(*tier));
  EXPECT_TRUE(WaitUntil([&] { return absl::IsNotFound(Get(*tier, KeyFor(1)).status()); }));
  EXPECT_TRUE(WaitUntilLogged(kBack, 2));
  EXPECT_EQ(Logged(kAway), 1);
}

TEST_F(RedisTierTest, AsksAgainWhenThePauseIsOver) {
  const auto tier = OpenAndWait(100ms);  // so the connection is kept for a second
  redis_.Hang();
  ASSERT_THAT(Get(*tier, KeyFor(1)), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_FALSE(tier->available());

  clock_.Advance(100ms);
  EXPECT_TRUE(tier->available());
  ASSERT_THAT(Get(*tier, KeyFor(1)), StatusIs(absl::StatusCode::kUnavailable));

  // The second pause is longer.
  clock_.Advance(99ms);
  EXPECT_FALSE(tier->available());
  redis_.Resume();
}

TEST_F(RedisTierTest, AnswersAllWhenItEnds) {
  std::atomic<int> told = 0;
  {
    const auto tier = OpenAndWait();
    redis_.Hang();
    for (int i = 0; i < 10; ++i) {
      tier->Get(KeyFor(i), [&](const absl::StatusOr<AnswerPtr>& found) {
        EXPECT_THAT(found, StatusIs(absl::StatusCode::kUnavailable));
        ++told;
      });
      tier->Put(AnswerFor(i), [&](const absl::Status& status) {
        EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
        ++told;
      });
    }
  }
  EXPECT_EQ(told, 20);
}

}  // namespace
}  // namespace chasqui::cache
