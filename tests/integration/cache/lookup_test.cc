// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/concurrency/named_thread.h"
#include "tests/integration/cache/cache_fixture.h"
#include "tests/support/wait_until.h"

namespace chasqui::cache {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Events = std::vector<std::string>;

class CacheLookup : public CacheFixture {
 protected:
  void SetUp() override { Start(); }

  std::unique_ptr<LookupClient> Lead(const std::string& key) {
    auto leader = std::make_unique<LookupClient>(*stub_);
    EXPECT_EQ(leader->Ask(key).Outcome(), v1::OUTCOME_LEAD);
    return leader;
  }
  std::unique_ptr<LookupClient> Follow(const std::string& key) {
    auto follower = std::make_unique<LookupClient>(*stub_);
    EXPECT_EQ(follower->Ask(key).Outcome(), v1::OUTCOME_FOLLOW);
    return follower;
  }
};

TEST_F(CacheLookup, RemembersWhatTheLeaderMade) {
  Remember(Key('a'), {"one", "two"});

  LookupClient client(*stub_);
  const v1::LookupResponse hit = client.Ask(Key('a')).Read();

  EXPECT_EQ(hit.outcome(), v1::OUTCOME_HIT);
  EXPECT_EQ(hit.tier(), v1::TIER_MEMORY);
  EXPECT_THAT(hit.events(), ElementsAre("one", "two"));
  EXPECT_TRUE(client.Finish().ok());
  EXPECT_EQ(Stats().hits(), 1);
  EXPECT_EQ(Stats().saved_completion_tokens(), 3);
}

TEST_F(CacheLookup, FollowersGetTheEventsAsTheyComeFromTheFirst) {
  const auto leader = Lead(Key('a'));
  leader->Fill("one");
  const auto early = Follow(Key('a'));
  EXPECT_THAT(early->Events(1), ElementsAre("one"));
  leader->Fill("two");
  EXPECT_THAT(early->Events(1), ElementsAre("two"));
  const auto late = Follow(Key('a'));

  leader->Fill("three");
  leader->Done();

  EXPECT_THAT(early->Events(), ElementsAre("three"));
  EXPECT_THAT(late->Events(), ElementsAre("one", "two", "three"));
  EXPECT_TRUE(early->Finish().ok());
  EXPECT_TRUE(late->Finish().ok());
  EXPECT_TRUE(leader->Finish().ok());
  EXPECT_EQ(Stats().coalesced(), 2);
}

TEST_F(CacheLookup, AFollowerThatHasAllLeadsWhenTheLeaderIsGone) {
  const auto leader = Lead(Key('a'));
  leader->Fill("one");
  leader->Fill("two");
  const auto first = Follow(Key('a'));
  ASSERT_THAT(first->Events(2), ElementsAre("one", "two"));

  leader->Cancel();

  ASSERT_EQ(first->Outcome(), v1::OUTCOME_LEAD);
  const auto second = Follow(Key('a'));
  first->Fill("three");
  first->Done();
  EXPECT_THAT(second->Events(), ElementsAre("one", "two", "three"));
  EXPECT_EQ(Stats().promoted(), 1);
  EXPECT_EQ(Stats().flights(), 0);
}

TEST_F(CacheLookup, AnErrorOfTheRequestIsToldToFollowers) {
  const auto leader = Lead(Key('a'));
  const auto follower = Follow(Key('a'));

  leader->Failed(3);

  EXPECT_EQ(follower->Read().failed().code(), 3);
  EXPECT_TRUE(follower->Finish().ok());
  EXPECT_TRUE(leader->Finish().ok());
  // It is not remembered.
  Lead(Key('a'));
}

TEST_F(CacheLookup, AnAnswerThatIsOnlySharedIsNotRemembered) {
  const auto leader = Lead(Key('a'));
  leader->Fill("one");
  const auto follower = Follow(Key('a'));
  leader->Done(/*remember=*/false);
  EXPECT_THAT(follower->Events(), ElementsAre("one"));
  EXPECT_TRUE(leader->Finish().ok());

  Lead(Key('a'));
}

TEST_F(CacheLookup, RefreshMakesAnewAndOthersShareThat) {
  Remember(Key('a'), {"old"});

  LookupClient refresh(*stub_);
  ASSERT_EQ(refresh.Ask(Key('a'), v1::Ask::MODE_REFRESH).Outcome(), v1::OUTCOME_LEAD);
  LookupClient meanwhile(*stub_);
  EXPECT_EQ(meanwhile.Ask(Key('a')).Outcome(), v1::OUTCOME_HIT) << "the old one is valid still";
  refresh.Fill("new");
  refresh.Done();
  refresh.Read();
  EXPECT_TRUE(refresh.Finish().ok());

  LookupClient after(*stub_);
  EXPECT_THAT(after.Ask(Key('a')).Read().events(), ElementsAre("new"));
}

TEST_F(CacheLookup, RequireNeverLeads) {
  LookupClient missing(*stub_);
  EXPECT_EQ(missing.Ask(Key('a'), v1::Ask::MODE_REQUIRE).Outcome(), v1::OUTCOME_MISS);
  const auto leader = Lead(Key('a'));
  leader->Fill("one");
  LookupClient follower(*stub_);
  ASSERT_EQ(follower.Ask(Key('a'), v1::Ask::MODE_REQUIRE).Outcome(), v1::OUTCOME_FOLLOW);
  ASSERT_THAT(follower.Events(1), ElementsAre("one"));

  leader->Cancel();

  EXPECT_EQ(follower.Outcome(), v1::OUTCOME_MISS);
}

TEST_F(CacheLookup, ATooLongAnswerIsNotShared) {
  Config config = TestConfig();
  config.mutable_flights()->set_max_answer_bytes(4096);
  Start(config);
  const auto leader = Lead(Key('a'));
  leader->Fill("one");
  const auto follower = Follow(Key('a'));
  ASSERT_THAT(follower->Events(1), ElementsAre("one"));

  leader->Fill(std::string(5000, 'x'));

  EXPECT_EQ(follower->Outcome(), v1::OUTCOME_ALONE);
  EXPECT_EQ(leader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Stats().flights(), 0);
  EXPECT_EQ(Stats().flight_bytes(), 0);
}

TEST_F(CacheLookup, AnswersThatTogetherAreTooLongAreNotShared) {
  constexpr std::size_t kTotal = 1 << 20;
  Config config = TestConfig();
  config.mutable_flights()->set_max_bytes(kTotal);
  Start(config);
  const auto first = Lead(Key('a'));
  const auto second = Lead(Key('b'));
  first->Fill(std::string(kTotal * 2 / 3, 'x'));
  EXPECT_TRUE(testing::WaitUntil([&] { return Stats().flight_bytes() > kTotal / 2; }));

  second->Fill(std::string(kTotal * 2 / 3, 'x'));

  EXPECT_EQ(second->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_LE(Stats().flight_bytes(), kTotal);
  first->Done();
  EXPECT_TRUE(first->Finish().ok());
}

TEST_F(CacheLookup, TooManyFollowersGenerateAlone) {
  Config config = TestConfig();
  config.mutable_flights()->set_max_followers(1);
  Start(config);
  const auto leader = Lead(Key('a'));
  const auto follower = Follow(Key('a'));

  LookupClient one_more(*stub_);
  EXPECT_EQ(one_more.Ask(Key('a')).Outcome(), v1::OUTCOME_ALONE);
  EXPECT_TRUE(one_more.Finish().ok());
  leader->Done();
  EXPECT_THAT(follower->Events(), IsEmpty());
}

TEST_F(CacheLookup, ASlowFollowerHarmsNoOne) {
  const auto leader = Lead(Key('a'));
  const auto slow = Follow(Key('a'));
  const auto quick = Follow(Key('a'));
  const std::string event(60'000, 'x');
  constexpr std::size_t kEvents = 60;
  // The slow one reads nothing: more than a connection buffers.
  for (std::size_t i = 0; i < kEvents; ++i) {
    leader->Fill(event);
    ASSERT_EQ(quick->Events(1).size(), 1);
  }
  leader->Done();
  EXPECT_THAT(quick->Events(), IsEmpty());
  EXPECT_TRUE(leader->Finish().ok());

  EXPECT_EQ(slow->Events().size(), kEvents);
  EXPECT_TRUE(slow->Finish().ok());
  EXPECT_TRUE(testing::WaitUntil([&] { return Stats().flight_bytes() == 0; }));
}

TEST_F(CacheLookup, WhatIsMalformedIsRefusedWithEveryViolation) {
  LookupClient no_key(*stub_);
  no_key.Ask("short", v1::Ask::MODE_DEFAULT, {"b", "a"});
  const grpc::Status status = no_key.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_details(), ::testing::HasSubstr("ask.key"));
  EXPECT_THAT(status.error_details(), ::testing::HasSubstr("sorted"));
  LookupClient no_ask(*stub_);
  no_ask.Fill("x");
  EXPECT_EQ(no_ask.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const auto leader = Lead(Key('a'));
  leader->Ask(Key('a'));
  EXPECT_EQ(leader->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Stats().flights(), 0);
}

TEST_F(CacheLookup, AThousandAtOnceHaveOneLeader) {
  constexpr int kThreads = 20;
  constexpr int kEach = 50;
  std::atomic<int> led = 0;
  std::atomic<int> right = 0;
  std::vector<concurrency::NamedThread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back("client", [&](const std::stop_token&) {
      std::vector<std::unique_ptr<LookupClient>> clients;
      for (int i = 0; i < kEach; ++i) {
        clients.push_back(std::make_unique<LookupClient>(*stub_));
        clients.back()->Ask(Key('a'));
      }
      for (const auto& client : clients) {
        const v1::LookupResponse first = client->Read();
        Events events(first.events().begin(), first.events().end());
        if (first.outcome() == v1::OUTCOME_LEAD) {
          ++led;
          for (const char* event : {"one", "two", "three"}) client->Fill(event);
          client->Done();
          events = {"one", "two", "three"};
          client->Read();
        } else {
          const Events rest = client->Events();
          events.insert(events.end(), rest.begin(), rest.end());
        }
        right += events == Events{"one", "two", "three"} && client->Finish().ok() ? 1 : 0;
      }
    });
  }
  threads.clear();

  EXPECT_EQ(led, 1);
  EXPECT_EQ(right, kThreads * kEach);
}

TEST_F(CacheLookup, AnInvalidationMakesTheFlightAndTheAnswerInvalid) {
  Remember(Key('a'), {"old"}, {"t"});
  LookupClient leader(*stub_);
  ASSERT_EQ(leader.Ask(Key('b'), v1::Ask::MODE_DEFAULT, {"t"}).Outcome(), v1::OUTCOME_LEAD);
  leader.Fill("old");

  EXPECT_EQ(InvalidateTag("t").replicas(), 1);

  LookupClient again(*stub_);
  EXPECT_EQ(again.Ask(Key('a'), v1::Ask::MODE_DEFAULT, {"t"}).Outcome(), v1::OUTCOME_LEAD);
  LookupClient other(*stub_);
  EXPECT_EQ(other.Ask(Key('b'), v1::Ask::MODE_DEFAULT, {"t"}).Outcome(), v1::OUTCOME_LEAD)
      << "what was begun before is not shared";
  leader.Done();
  leader.Read();
  EXPECT_TRUE(leader.Finish().ok());
  LookupClient required(*stub_);
  EXPECT_NE(required.Ask(Key('b'), v1::Ask::MODE_REQUIRE, {"t"}).Read().outcome(), v1::OUTCOME_HIT)
      << "what was begun before is not remembered";
}

// Readers, writers and invalidations at once. Each answer names the number of invalidations that
// had been begun when its caller came to lead; none may be given to who asks after more have
// returned.
TEST_F(CacheLookup, InvalidationsRacingWithFillsNeverServeStale) {
  std::atomic<int> begun = 0;
  std::atomic<int> returned = 0;
  std::atomic<bool> stop = false;
  std::atomic<int> hits = 0;
  std::vector<concurrency::NamedThread> threads;
  threads.emplace_back("invalidate", [&](const std::stop_token&) {
    for (int i = 0; i < 300; ++i) {
      ++begun;
      InvalidateTag("t");
      ++returned;
    }
    stop = true;
  });
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back("client", [&, t](const std::stop_token&) {
      std::mt19937 random(static_cast<unsigned>(t));
      while (!stop) {
        const std::string key = Key(static_cast<char>('a' + random() % 3));
        LookupClient client(*stub_);
        const int before = returned;
        const v1::LookupResponse first = client.Ask(key, v1::Ask::MODE_DEFAULT, {"t"}).Read();
        if (first.outcome() == v1::OUTCOME_LEAD) {
          client.Fill(std::to_string(begun));
          client.Done();
          client.Read();
        } else {
          Events events(first.events().begin(), first.events().end());
          v1::Outcome next = v1::OUTCOME_UNSPECIFIED;
          const Events rest = client.Events(&next);
          events.insert(events.end(), rest.begin(), rest.end());
          if (!events.empty()) {
            ++hits;
            EXPECT_GE(std::stoi(events[0]), before);
          }
          if (next != v1::OUTCOME_UNSPECIFIED) client.Cancel();
        }
        client.Finish();
      }
    });
  }
  threads.clear();

  EXPECT_GT(hits, 0);
}

}  // namespace
}  // namespace chasqui::cache
