// SPDX-License-Identifier: Apache-2.0
// Random invalidations in three replicas while Redis is killed, flushed and hung and replicas come
// and go. What was begun before an invalidation must never be valid again where that was made, nor
// in the end anywhere.
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/concurrency/periodic.h"
#include "tests/integration/cache/redis/replica_fixture.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

constexpr int kTags = 5;
constexpr int kSteps = 400;

class GenerationTraceTest : public ReplicaFixture, public ::testing::WithParamInterface<unsigned> {
 protected:
  GenerationTraceTest() {
    // The last has little room: it forgets all now and then.
    for (const std::size_t most : {1000, 1000, 4}) {
      replicas_.push_back(std::make_unique<Replica>(redis_, replicas_.size() + 1, most));
    }
    // With pauses, in which others can have the lock.
    checker_.emplace("checker", 200us, [this] { Check(); });
  }
  ~GenerationTraceTest() override {
    checker_.reset();
    for (const auto& replica : replicas_) replica->share.reset();
  }

  std::size_t Random(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }

  // An answer that is invalid, and where.
  struct Dead {
    StoredAnswer answer;
    std::vector<bool> in = std::vector<bool>(3);
  };

  void BeginAnswers() {
    for (const auto& replica : replicas_) {
      std::vector<std::string> tags = {absl::StrCat(Random(kTags))};
      begun_.push_back(replica->BeginAnswer(std::move(tags)));
    }
  }

  // The answers that an invalidation of the tag concerns are dead in the replica from when
  // Generations::Invalidate has returned; in all, when all are said to have applied it.
  void Invalidate(std::size_t at, const std::string& tag) {
    std::vector<StoredAnswer> concerned;
    std::erase_if(begun_, [&](const StoredAnswer& answer) {
      if (answer.tags(0) != tag) return false;
      concerned.push_back(answer);
      return true;
    });
    const Generations::Change change =
        replicas_[at]->generations.Invalidate(std::vector{TagName(tag)});
    std::size_t first = 0;
    const std::size_t count = concerned.size();
    {
      absl::MutexLock lock(mutex_);
      first = dead_.size();
      for (StoredAnswer& answer : concerned) {
        dead_.push_back({.answer = std::move(answer)});
        dead_.back().in[at] = true;
      }
    }
    replicas_[at]->share->Share(change, [=, this](std::uint32_t replicas, bool pending) {
      absl::MutexLock lock(mutex_);
      ++told_;
      if (pending || replicas < 3) return;
      ++held_everywhere_;
      for (std::size_t i = first; i < first + count; ++i) dead_[i].in.assign(3, true);
    });
    ++asked_;
  }

  void Check() {
    absl::MutexLock lock(mutex_);
    for (const Dead& dead : dead_) {
      for (std::size_t i = 0; i < replicas_.size(); ++i) {
        if (dead.in[i] && replicas_[i]->IsValid(dead.answer)) ++risen_;
      }
    }
  }

  void DisturbRedis() {
    switch (Random(4)) {
      case 0:
        redis_.Kill();
        for (std::size_t i = Random(4); i > 0; --i) {
          BeginAnswers();
          Invalidate(Random(3), absl::StrCat(Random(kTags)));
        }
        redis_.Start();
        break;
      case 1:
        redis_.Ask("FLUSHALL");
        break;
      case 2:
        redis_.Hang();
        Invalidate(Random(3), absl::StrCat(Random(kTags)));
        redis_.Resume();
        break;
      default:
        redis_.Ask("CLIENT KILL TYPE pubsub");
    }
  }

  void Step() {
    BeginAnswers();
    const std::size_t at = Random(3);
    const std::size_t dice = Random(100);
    if (dice < 5) {
      DisturbRedis();
    } else if (dice < 8) {
      replicas_[at]->share.reset();
      BeginAnswers();
      replicas_[at]->Open();
    } else if (dice < 12) {
      Replicas all;
      for (const auto& replica : replicas_) all.push_back(replica.get());
      ASSERT_TRUE(WaitUntilHeard(all));
    } else {
      Invalidate(at, absl::StrCat(Random(kTags)));
    }
  }

  std::mt19937 random_{GetParam()};
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<StoredAnswer> begun_;
  int asked_ = 0;
  absl::Mutex mutex_;
  std::vector<Dead> dead_ ABSL_GUARDED_BY(mutex_);
  int told_ ABSL_GUARDED_BY(mutex_) = 0;
  int held_everywhere_ ABSL_GUARDED_BY(mutex_) = 0;
  int risen_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<concurrency::Periodic> checker_;
};

TEST_P(GenerationTraceTest, NothingInvalidBecomesValidAgainAndAllAgreeInTheEnd) {
  for (int step = 0; step < kSteps && !HasFatalFailure(); ++step) Step();

  ASSERT_TRUE(WaitUntilAgreed({replicas_[0].get(), replicas_[1].get(), replicas_[2].get()}));
  ASSERT_TRUE(testing::WaitUntil([&] {
    absl::MutexLock lock(mutex_);
    return told_ == asked_;
  }));
  absl::MutexLock lock(mutex_);
  EXPECT_EQ(risen_, 0);
  EXPECT_GT(held_everywhere_, 0);
  for (const Dead& dead : dead_) {
    for (const auto& replica : replicas_) EXPECT_FALSE(replica->IsValid(dead.answer));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, GenerationTraceTest, ::testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace chasqui::cache
