// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/disk_tier.h"

#include <atomic>
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "absl/synchronization/notification.h"
#include "services/cache/cache_config.h"
#include "tests/unit/services/cache/answers.h"
#include "tests/unit/services/cache/disk/folder.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr std::size_t kMaxAnswerBytes = 1 << 20;

class DiskTierTest : public ::testing::Test {
 protected:
  void Open() {
    tier_.reset();
    config::v1::DiskTierConfig config = DefaultConfig().disk();
    config.set_path(folder_.path());
    config.set_max_bytes(64 << 20);
    auto tier = DiskTier::Open(config, {}, kMaxAnswerBytes, clock_, {});
    ASSERT_THAT(tier, IsOk());
    tier_ = *std::move(tier);
  }

  absl::StatusOr<AnswerPtr> Get(std::uint64_t number) {
    absl::StatusOr<AnswerPtr> answer;
    absl::Notification found;
    tier_->Get(KeyNumber(number), [&](absl::StatusOr<AnswerPtr> result) {
      answer = std::move(result);
      found.Notify();
    });
    found.WaitForNotification();
    return answer;
  }

  absl::Status Put(AnswerPtr answer) {
    absl::Status status;
    absl::Notification done;
    tier_->Put(std::move(answer), [&](absl::Status result) {
      status = std::move(result);
      done.Notify();
    });
    done.WaitForNotification();
    return status;
  }

  AnswerPtr Answer(std::uint64_t number, time::Duration ttl = 1h) const {
    return AnswerNumber(number, clock_.SystemNow() + ttl);
  }

  testing::FakeClock clock_;
  Folder folder_;
  std::unique_ptr<DiskTier> tier_;
};

TEST_F(DiskTierTest, GivesBackWhatItAcknowledged) {
  Open();
  const AnswerPtr answer = Answer(1);
  ASSERT_THAT(Put(answer), IsOk());

  for (int i = 0; i < 2; ++i) {
    const absl::StatusOr<AnswerPtr> found = Get(1);
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ((*found)->SerializeAsString(), answer->SerializeAsString());
    Open();
  }
  EXPECT_THAT(Get(2), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(tier_->counts().entries, 1);
}

TEST_F(DiskTierTest, HasALongestTime) {
  Open();
  ASSERT_THAT(Put(Answer(1, 10'000h)), IsOk());
  clock_.Advance(167h);
  EXPECT_THAT(Get(1), IsOk());
  clock_.Advance(1h);
  EXPECT_THAT(Get(1), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DiskTierTest, ADamagedAnswerIsAMissAndRemoved) {
  {
    auto store = DiskStore::Open({.path = folder_.path(), .max_bytes = 64 << 20}, clock_, {});
    ASSERT_THAT(store, IsOk());
    v1::DiskRecord record;
    record.set_expires_us(ToMicros(clock_.SystemNow() + 1h));
    std::string envelope = Pack(*Answer(1), {});
    envelope[envelope.size() / 2] ^= 1;
    ASSERT_THAT((*store)->Put(KeyNumber(1), envelope, record), IsOk());
    // The answer to another request.
    ASSERT_THAT((*store)->Put(KeyNumber(2), Pack(*Answer(3), {}), record), IsOk());
  }
  Open();

  EXPECT_THAT(Get(1), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Get(2), StatusIs(absl::StatusCode::kNotFound));

  EXPECT_EQ(tier_->counts().damaged, 2);
  EXPECT_EQ(tier_->counts().entries, 0);
  EXPECT_TRUE(tier_->available());
}

TEST_F(DiskTierTest, RemembersWhatWasInvalidatedInItsOrder) {
  Open();
  absl::Notification done;
  for (std::uint64_t value = 1; value <= 100; ++value) {
    tier_->WriteGenerations({.entries = {{"tag:a", {value, true}}}},
                            [&, value](absl::Status status) {
                              EXPECT_THAT(status, IsOk());
                              if (value == 100) done.Notify();
                            });
  }
  done.WaitForNotification();

  Open();

  EXPECT_THAT(tier_->generations(), ElementsAre(Pair("tag:a", Generation{100, true})));
}

TEST_F(DiskTierTest, FinishesWhatIsQueuedAtItsEnd) {
  Open();
  std::atomic<int> acknowledged = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    tier_->Put(Answer(i), [&](const absl::Status& status) { acknowledged += status.ok() ? 1 : 0; });
  }

  Open();

  EXPECT_EQ(acknowledged.load(), 100);
  EXPECT_EQ(tier_->counts().entries, 100);
}

}  // namespace
}  // namespace chasqui::cache
