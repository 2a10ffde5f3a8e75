// SPDX-License-Identifier: Apache-2.0
#include "services/cache/store/answer_store.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "tests/support/cache/answers.h"

namespace chasqui::cache {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using testing::KeyNumber;
using testing::MakeAnswer;

// Answers in a map; one that hangs answers nobody.
class MapTier final : public Tier {
 public:
  bool available() const override { return true; }
  void Get(const AnswerKey& key, Found found) override {
    if (hangs) return held.push_back(std::move(found));
    const AnswerPtr answer = Find(key);
    found(answer != nullptr ? absl::StatusOr<AnswerPtr>(answer) : absl::NotFoundError(""));
  }
  void Put(AnswerPtr answer, Done done) override {
    {
      absl::MutexLock lock(mutex);
      answers[KeyOf(*answer)] = std::move(answer);
    }
    done(absl::OkStatus());
  }
  void Remove(const AnswerKey& key) override {
    absl::MutexLock lock(mutex);
    answers.erase(key);
  }
  TierCounts counts() const override { return {}; }

  AnswerPtr Find(const AnswerKey& key) {
    absl::MutexLock lock(mutex);
    const auto it = answers.find(key);
    return it != answers.end() ? it->second : nullptr;
  }

  bool hangs = false;
  std::vector<Found> held;  // confined to the loop

 private:
  absl::Mutex mutex;
  absl::flat_hash_map<AnswerKey, AnswerPtr> answers ABSL_GUARDED_BY(mutex);
};

class AnswerStoreTest : public ::testing::Test {
 protected:
  ~AnswerStoreTest() override { loop_.Stop(); }

  std::vector<v1::Tier> Remember(std::uint64_t version, inference::v1::Priority priority) {
    StoredAnswer answer = *MakeAnswer(1, {.version = version});
    answer.set_priority(priority);
    return Run(store_.Remember(loop_, std::make_shared<const StoredAnswer>(std::move(answer))));
  }
  std::optional<AnswerStore::Hit> Below() { return Run(store_.Below(loop_, KeyNumber(1))); }

  MapTier redis_;
  MapTier disk_;

 private:
  template <typename T>
  T Run(rpc::Task<T> task) {
    std::optional<T> result;
    absl::Notification done;
    loop_.Spawn(
        [](rpc::Task<T> work, std::optional<T>& into, absl::Notification& over) -> rpc::Task<void> {
          into.emplace(co_await std::move(work));
          over.Notify();
        }(std::move(task), result, done));
    done.WaitForNotification();
    return *std::move(result);
  }

  observability::Metrics registry_{"cache"};
  CacheMetrics metrics_{registry_};
  Generations generations_{100, [] { return 1; }};
  AnswerStore store_{{.redis = &redis_, .disk = &disk_},
                     generations_,
                     [] { return true; },
                     time::RealClock(),
                     metrics_};
  rpc::Loop loop_{"test", 0};
};

TEST_F(AnswerStoreTest, NoOlderAnswerStaysWhereTheNewOneDoesNotGo) {
  EXPECT_THAT(Remember(1, inference::v1::PRIORITY_NORMAL),
              ElementsAre(v1::TIER_REDIS, v1::TIER_DISK));

  EXPECT_THAT(Remember(2, inference::v1::PRIORITY_LOW), ElementsAre(v1::TIER_DISK));

  EXPECT_THAT(redis_.Find(KeyNumber(1)), Eq(nullptr));
  const std::optional<AnswerStore::Hit> hit = Below();
  ASSERT_TRUE(hit.has_value());
  EXPECT_EQ(hit->tier, v1::TIER_DISK);
  EXPECT_EQ(hit->answer->events(0), MakeAnswer(1, {.version = 2})->events(0));
  EXPECT_THAT(redis_.Find(KeyNumber(1)), hit->answer) << "it comes up when it is asked for";
}

TEST_F(AnswerStoreTest, ATierThatHangsHoldsNobodyUp) {
  Remember(1, inference::v1::PRIORITY_NORMAL);
  redis_.hangs = true;

  const std::optional<AnswerStore::Hit> hit = Below();

  ASSERT_TRUE(hit.has_value());
  EXPECT_EQ(hit->tier, v1::TIER_DISK);
}

}  // namespace
}  // namespace chasqui::cache
