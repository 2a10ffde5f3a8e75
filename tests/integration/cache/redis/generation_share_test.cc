// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/generation_share.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/cache/redis/replica_fixture.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using ::testing::Le;
using testing::WaitUntil;

class GenerationShareTest : public ReplicaFixture {
 protected:
  bool RedisHas(const std::string& name) {
    return redis_.Ask(absl::StrCat("HEXISTS test:generations ", name)) == ":1\r\n";
  }

  Replica one_{redis_, 1};
  Replica other_{redis_, 2};
};

TEST_F(GenerationShareTest, AnInvalidationHoldsInAllReplicasWhenItIsDone) {
  Replica third(redis_, 3);
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_, &third}));
  const StoredAnswer before = other_.BeginAnswer({"a"});

  for (int i = 0; i < 100; ++i) {
    const Replica::Reach reach = one_.Invalidate({TagName("a"), TagName("b")});

    EXPECT_EQ(reach.replicas, 3);
    EXPECT_FALSE(reach.pending);
    for (const Replica* replica : {&one_, &other_, &third}) {
      EXPECT_EQ(replica->ValueOf("tag:a"), one_.ValueOf("tag:a"));
      EXPECT_FALSE(replica->IsValid(before));
    }
  }

  EXPECT_TRUE(WaitUntilAgreed({&one_, &other_, &third}));
  EXPECT_EQ(other_.Written("tag:a"), one_.ValueOf("tag:a"));
  EXPECT_TRUE(third.IsValid(one_.BeginAnswer({"a"})));
}

TEST_F(GenerationShareTest, OneReplicaIsAloneWithRedis) {
  other_.share.reset();
  ASSERT_TRUE(WaitUntilHeard({&one_}));

  // Redis may take a moment to see that the other is gone.
  EXPECT_TRUE(WaitUntil([&] {
    const Replica::Reach reach = one_.Invalidate({TagName("a")});
    return reach.replicas == 1 && !reach.pending;
  }));
}

TEST_F(GenerationShareTest, TellsHowManyReplicasThereAre) {
  EXPECT_TRUE(WaitUntil([&] { return one_.share->replicas() == 2; }));

  other_.share.reset();

  EXPECT_TRUE(WaitUntil([&] { return one_.share->replicas() == 1; }));
}

TEST_F(GenerationShareTest, IsUnheardFromTheMomentItNoLongerHears) {
  ASSERT_TRUE(WaitUntilHeard({&one_}));
  const time::SteadyTime long_before = time::RealClock().SteadyNow() - 1h;
  EXPECT_EQ(one_.share->UnheardFor(long_before), time::Duration::zero());

  redis_.Kill();
  ASSERT_TRUE(WaitUntilHeard({&one_}, false));

  EXPECT_GT(one_.share->UnheardFor(long_before), time::Duration::zero());
  redis_.Start();
  ASSERT_TRUE(WaitUntilHeard({&one_}));
  EXPECT_EQ(one_.share->UnheardFor(long_before), time::Duration::zero());
}

TEST_F(GenerationShareTest, ThoseWhoInvalidateTheSameAtOnceAgree) {
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_}));
  const StoredAnswer before = one_.BeginAnswer({"a"});
  std::atomic<int> done = 0;

  for (int i = 0; i < 200; ++i) {
    for (Replica* replica : {&one_, &other_}) {
      replica->Begin({TagName("a")}, [&](std::uint32_t, bool pending) {
        EXPECT_FALSE(pending);
        ++done;
      });
    }
  }

  EXPECT_TRUE(WaitUntil([&] { return done == 400; }));
  EXPECT_TRUE(WaitUntilAgreed({&one_, &other_}));
  EXPECT_FALSE(one_.IsValid(before));
  EXPECT_FALSE(other_.IsValid(before));
}

TEST_F(GenerationShareTest, ANewReplicaKnowsEverythingBeforeItHears) {
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_}));
  for (int i = 0; i < 2500; i += 500) {
    std::vector<std::string> names;
    for (int n = i; n < i + 500; ++n) names.push_back(TagName(absl::StrCat(n)));
    ASSERT_FALSE(one_.Invalidate(names).pending);
  }

  redis_.Hang();
  Replica late(redis_, 3, 5000);
  EXPECT_EQ(late.share->UnheardFor(time::SteadyNow()), time::Duration::max());
  redis_.Resume();
  ASSERT_TRUE(WaitUntilHeard({&late}));

  EXPECT_EQ(late.Table(), one_.Table());
  EXPECT_EQ(late.share->UnheardFor(time::SteadyNow() + 1s), 0s);
}

TEST_F(GenerationShareTest, SaysThatAReplicaThatHangsIsPending) {
  // A listener that never acknowledges.
  redis::Link::Options options;
  options.address = redis_.address();
  options.channels = {"test:invalidations"};
  const redis::Link hung(std::move(options));
  ASSERT_TRUE(WaitUntil([&] { return hung.up(); }));
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_}));
  const time::SteadyTime begin = time::SteadyNow();

  const Replica::Reach reach = one_.Invalidate({TagName("a")});

  EXPECT_TRUE(reach.pending);
  EXPECT_EQ(reach.replicas, 2);
  EXPECT_GE(time::SteadyNow() - begin, 1s);
  EXPECT_EQ(other_.ValueOf("tag:a"), one_.ValueOf("tag:a"));
}

TEST_F(GenerationShareTest, IsPendingWhileRedisIsAwayAndSharedWhenItIsBackEmpty) {
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_}));
  ASSERT_FALSE(one_.Invalidate({TagName("before")}).pending);
  redis_.Kill();
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_}, false));
  const StoredAnswer at_other = other_.BeginAnswer({"a"});

  const Replica::Reach reach = one_.Invalidate({TagName("a")});
  EXPECT_TRUE(reach.pending);
  EXPECT_EQ(reach.replicas, 1);
  EXPECT_FALSE(one_.IsValid(at_other));
  EXPECT_TRUE(other_.IsValid(at_other));
  EXPECT_GT(other_.share->UnheardFor(time::SteadyNow()), 0s);
  redis_.Start();

  ASSERT_TRUE(WaitUntilAgreed({&one_, &other_}));
  EXPECT_FALSE(other_.IsValid(at_other));
  EXPECT_TRUE(RedisHas("tag:before"));
  EXPECT_TRUE(RedisHas("tag:a"));
}

TEST_F(GenerationShareTest, BothInvalidationsHoldThatCouldNotHearEachOther) {
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_}));
  redis_.Kill();
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_}, false));
  one_.Invalidate({TagName("a")});
  other_.Invalidate({TagName("a")});
  const StoredAnswer of_one = one_.BeginAnswer({"a"});
  const StoredAnswer of_other = other_.BeginAnswer({"a"});

  redis_.Start();

  ASSERT_TRUE(WaitUntilAgreed({&one_, &other_}));
  for (const Replica* replica : {&one_, &other_}) {
    EXPECT_FALSE(replica->IsValid(of_one));
    EXPECT_FALSE(replica->IsValid(of_other));
  }
}

TEST_F(GenerationShareTest, RedisGetsBackWhatWasFlushed) {
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_}));
  ASSERT_FALSE(one_.Invalidate({TagName("a")}).pending);
  const StoredAnswer valid = one_.BeginAnswer({"a"});

  ASSERT_EQ(redis_.Ask("FLUSHALL"), "+OK\r\n");

  EXPECT_TRUE(WaitUntil([&] { return RedisHas("tag:a"); }));
  EXPECT_TRUE(WaitUntilAgreed({&one_, &other_}));
  EXPECT_TRUE(other_.IsValid(valid));
}

TEST_F(GenerationShareTest, AReplicaThatWasAwayDoesNotBringOldGenerationsBack) {
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_}));
  ASSERT_FALSE(one_.Invalidate({TagName("a")}).pending);
  const StoredAnswer before = one_.BeginAnswer({"a"});
  other_.share.reset();
  one_.Invalidate({TagName("a")});
  ASSERT_FALSE(one_.IsValid(before));
  // Redis forgets the second invalidation, and the first to come back knows only the first.
  one_.share.reset();
  ASSERT_EQ(redis_.Ask("FLUSHALL"), "+OK\r\n");
  other_.Open();
  ASSERT_TRUE(WaitUntilHeard({&other_}));

  one_.Open();

  ASSERT_TRUE(WaitUntilAgreed({&one_, &other_}));
  EXPECT_FALSE(one_.IsValid(before));
  EXPECT_FALSE(other_.IsValid(before));
}

TEST_F(GenerationShareTest, TooManyNamesAreForgottenEverywhere) {
  Replica small(redis_, 3, 10);
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_, &small}));
  std::vector<std::string> names;
  for (int i = 0; i < 10; ++i) names.push_back(TagName(absl::StrCat(i)));
  ASSERT_FALSE(small.Invalidate(names).pending);
  const StoredAnswer before = one_.BeginAnswer({"0"});

  const Replica::Reach reach = small.Invalidate({TagName("one more")});

  EXPECT_FALSE(reach.pending);
  EXPECT_EQ(reach.replicas, 3);
  ASSERT_TRUE(WaitUntilAgreed({&one_, &other_, &small}));
  EXPECT_THAT(one_.generations.size(), Le(2));
  EXPECT_FALSE(RedisHas("tag:0"));
  for (const Replica* replica : {&one_, &other_, &small}) EXPECT_FALSE(replica->IsValid(before));
  EXPECT_TRUE(one_.IsValid(small.BeginAnswer({"0"})));
}

TEST_F(GenerationShareTest, MoreNamesThanAChangeHoldsAreGivenBackToRedis) {
  other_.share.reset();
  Replica large(redis_, 3, 10'000);
  ASSERT_TRUE(WaitUntilHeard({&large}));
  one_.share.reset();
  for (int i = 0; i < 3500; i += 500) {
    std::vector<std::string> names;
    for (int n = i; n < i + 500; ++n) names.push_back(TagName(absl::StrCat(n)));
    large.Invalidate(names);
  }
  redis_.Kill();
  ASSERT_TRUE(WaitUntilHeard({&large}, false));
  redis_.Start();

  ASSERT_TRUE(WaitUntilAgreed({&large}));
  // With the field that tells the end of the log.
  EXPECT_EQ(redis_.Ask("HLEN test:generations"), ":3501\r\n");
}

TEST_F(GenerationShareTest, GoesOnWhenSomethingElseSpeaksOnItsChannels) {
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_}));
  redis_.Ask("PUBLISH test:invalidations nonsense");

  EXPECT_FALSE(one_.Invalidate({TagName("a")}).pending);
  EXPECT_TRUE(one_.share->heard());
}

TEST_F(GenerationShareTest, EndsWhileRedisHangsAndSomebodyWaits) {
  ASSERT_TRUE(WaitUntilHeard({&one_, &other_}));
  redis_.Hang();
  std::atomic<int> told = 0;
  for (int i = 0; i < 10; ++i) {
    one_.Begin({TagName("a")}, [&](std::uint32_t replicas, bool pending) {
      EXPECT_EQ(replicas, 1);
      EXPECT_TRUE(pending);
      ++told;
    });
  }

  one_.share.reset();

  EXPECT_EQ(told, 10);
}

}  // namespace
}  // namespace chasqui::cache
