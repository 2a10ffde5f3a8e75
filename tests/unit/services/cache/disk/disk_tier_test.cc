// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/disk_tier.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "services/cache/disk/database.h"
#include "services/cache/disk/disk_format.h"
#include "tests/support/cache/answers.h"
#include "tests/support/fake_clock.h"
#include "tests/support/wait_until.h"
#include "tests/unit/services/cache/disk/disk_fixture.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using testing::KeyNumber;
using testing::MakeAnswer;

constexpr std::size_t kMaxAnswer = 4 << 20;

// What the log said.
class Lines {
 public:
  observability::Logger Log() {
    return observability::Logger({.service = "cache", .write = [this](std::string_view line) {
                                    absl::MutexLock lock(mutex_);
                                    lines_.emplace_back(line);
                                  }});
  }
  int Count(std::string_view text) const {
    absl::MutexLock lock(mutex_);
    int count = 0;
    for (const std::string& line : lines_) count += line.contains(text) ? 1 : 0;
    return count;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
};

struct DiskTierTest : ::testing::Test {
  DiskTierTest() {
    config.set_path(dir.database());
    config.set_max_bytes(16 << 20);
    config.mutable_max_ttl()->set_seconds(3600);
    config.set_threads(1);
    config.set_block_cache_bytes(1 << 20);
    Open();
  }

  void Open() {
    tier = nullptr;
    auto opened = DiskTier::Open(config, {}, kMaxAnswer, clock, lines.Log());
    ASSERT_THAT(opened, IsOk());
    tier = *std::move(opened);
  }
  absl::Status Put(AnswerPtr answer) {
    absl::Status result;
    absl::Notification done;
    tier->Put(std::move(answer), [&](absl::Status status) {
      result = std::move(status);
      done.Notify();
    });
    done.WaitForNotification();
    return result;
  }
  absl::StatusOr<AnswerPtr> Get(std::uint64_t number) {
    absl::StatusOr<AnswerPtr> result;
    absl::Notification done;
    tier->Get(KeyNumber(number), [&](absl::StatusOr<AnswerPtr> found) {
      result = std::move(found);
      done.Notify();
    });
    done.WaitForNotification();
    return result;
  }
  // A job that has told its result is finished a moment later only.
  bool WaitUntilAvailable() const {
    return testing::WaitUntil([&] { return tier->available(); });
  }
  // Until what was queued before is done.
  void Drain() { EXPECT_THAT(Get(999'999), StatusIs(absl::StatusCode::kNotFound)); }
  absl::Status WriteGenerations(Generations::Change change) {
    absl::Status result;
    absl::Notification done;
    tier->WriteGenerations(std::move(change), [&](absl::Status status) {
      result = std::move(status);
      done.Notify();
    });
    done.WaitForNotification();
    return result;
  }
  v1::DiskRecord RecordOnDisk(std::uint64_t number) {
    const auto database = Database::Open(
        {.path = dir.database(), .max_bytes = 16 << 20, .block_cache_bytes = 1 << 20}, clock);
    EXPECT_THAT(database, IsOk());
    std::string bytes;
    (**database)->Get({}, (*database)->records(), SliceOf(KeyNumber(number).bytes()), &bytes);
    return DecodeRecord(bytes).value_or(v1::DiskRecord());
  }
  // Something else under a key, in the place of its envelope.
  void Overwrite(std::uint64_t number, std::string_view envelope) {
    tier = nullptr;
    {
      const auto database = Database::Open(
          {.path = dir.database(), .max_bytes = 16 << 20, .block_cache_bytes = 1 << 20}, clock);
      ASSERT_THAT(database, IsOk());
      const std::string value = EncodeValue(std::numeric_limits<std::int64_t>::max(), envelope);
      (**database)->Put({}, (*database)->answers(), SliceOf(KeyNumber(number).bytes()), value);
    }
    Open();
  }

  TempDir dir;
  testing::FakeClock clock;
  Lines lines;
  config::v1::DiskTierConfig config;
  std::unique_ptr<DiskTier> tier;
};

TEST_F(DiskTierTest, GivesBackWhatWasPut) {
  for (const std::size_t bytes : {0, 10, 5000, 1'000'000}) {
    const AnswerPtr answer = MakeAnswer(bytes, {.bytes = bytes});
    ASSERT_THAT(Put(answer), IsOk());

    const absl::StatusOr<AnswerPtr> found = Get(bytes);

    ASSERT_THAT(found, IsOk());
    EXPECT_EQ((*found)->SerializeAsString(), answer->SerializeAsString());
  }
  EXPECT_THAT(Get(1), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(tier->counts().entries, 4);
  EXPECT_EQ(tier->counts().stores, 4);
  EXPECT_EQ(tier->counts().max_bytes, 16 << 20);
}

TEST_F(DiskTierTest, RemembersAcrossItsLife) {
  ASSERT_THAT(Put(MakeAnswer(1)), IsOk());

  Open();

  EXPECT_THAT(Get(1), IsOk());
}

TEST_F(DiskTierTest, RemovesWhatItIsTold) {
  ASSERT_THAT(Put(MakeAnswer(1)), IsOk());

  tier->Remove(KeyNumber(1));

  EXPECT_THAT(Get(1), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DiskTierTest, AnAnswerIsGoneWhenItExpires) {
  ASSERT_THAT(Put(MakeAnswer(1, {.expires = clock.SystemNow() + 1min})), IsOk());

  clock.Advance(1min);

  EXPECT_THAT(Get(1), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(tier->counts().expired, 1);
}

TEST_F(DiskTierTest, NothingStaysLongerThanItsLongestTime) {
  ASSERT_THAT(Put(MakeAnswer(1)), IsOk());

  clock.Advance(1h - 1us);
  EXPECT_THAT(Get(1), IsOk());
  clock.Advance(1us);
  EXPECT_THAT(Get(1), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DiskTierTest, ADamagedAnswerIsRemovedAndAMiss) {
  const std::string packed = Pack(*MakeAnswer(1), {});
  std::string flipped = packed;
  flipped[flipped.size() / 2] ^= 1;
  for (const std::string& bytes : {flipped, packed.substr(0, packed.size() / 2), std::string(),
                                   std::string("garbage"), Pack(*MakeAnswer(2), {})}) {
    ASSERT_THAT(Put(MakeAnswer(1)), IsOk());
    Overwrite(1, bytes);

    EXPECT_THAT(Get(1), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_EQ(tier->counts().damaged, 1);
    EXPECT_EQ(tier->counts().entries, 0) << "it is removed";
    EXPECT_THAT(Get(1), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_EQ(tier->counts().damaged, 1);
    EXPECT_TRUE(tier->available()) << "the disk is fine";
  }
}

TEST_F(DiskTierTest, AnswersAtOnceWhenTooMuchIsQueued) {
  absl::Notification held;
  absl::Notification release;
  tier->Get(KeyNumber(1), [&](const absl::StatusOr<AnswerPtr>&) {
    held.Notify();
    release.WaitForNotification();
  });
  held.WaitForNotification();
  std::atomic<int> found = 0;
  std::atomic<int> unavailable = 0;
  for (int i = 0; i < 2000; ++i) {
    tier->Get(KeyNumber(1), [&](const absl::StatusOr<AnswerPtr>& answer) {
      ++(absl::IsUnavailable(answer.status()) ? unavailable : found);
    });
  }

  EXPECT_EQ(found, 0);
  EXPECT_EQ(unavailable, 2000 - 1024);
  EXPECT_THAT(Put(MakeAnswer(1)), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_TRUE(tier->available());
  release.Notify();
  tier = nullptr;
  EXPECT_EQ(found, 1024) << "what is queued is finished";
}

TEST_F(DiskTierTest, IsLeftAloneWhileTheDiskHangs) {
  absl::Notification held;
  absl::Notification release;
  tier->Get(KeyNumber(1), [&](const absl::StatusOr<AnswerPtr>&) {
    held.Notify();
    release.WaitForNotification();
  });
  held.WaitForNotification();
  EXPECT_TRUE(tier->available());

  clock.Advance(2s);

  EXPECT_FALSE(tier->available());
  release.Notify();
  Drain();
  EXPECT_TRUE(tier->available());
  clock.Advance(1h);
  EXPECT_TRUE(WaitUntilAvailable()) << "nothing is asked of it";
}

TEST_F(DiskTierTest, RefusesAnswersWhenTheirBytesQueue) {
  absl::Notification held;
  absl::Notification release;
  tier->Get(KeyNumber(1), [&](const absl::StatusOr<AnswerPtr>&) {
    held.Notify();
    release.WaitForNotification();
  });
  held.WaitForNotification();
  const AnswerPtr answer = MakeAnswer(1, {.bytes = 3 << 20});
  std::atomic<int> stored = 0;
  std::atomic<int> refused = 0;
  for (int i = 0; i < 40; ++i) {
    tier->Put(answer, [&](const absl::Status& status) {
      if (status.ok()) ++stored;
      if (absl::IsResourceExhausted(status)) ++refused;
    });
  }

  EXPECT_GT(refused, 0);
  release.Notify();
  tier = nullptr;
  EXPECT_EQ(stored + refused, 40);
  EXPECT_GT(stored, 10);
}

TEST_F(DiskTierTest, IsLeftAloneWhenTheDiskFailsAndComesBack) {
  ASSERT_THAT(Put(MakeAnswer(1)), IsOk());
  {
    const FullDisk full;
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(tier->available());
      EXPECT_THAT(Put(MakeAnswer(2)), StatusIs(absl::StatusCode::kUnavailable));
    }
    EXPECT_FALSE(tier->available());
    clock.Advance(1s);
    EXPECT_TRUE(WaitUntilAvailable());
    EXPECT_THAT(Put(MakeAnswer(2)), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_FALSE(tier->available()) << "one more failure is enough";
    clock.Advance(1s);
    EXPECT_FALSE(tier->available()) << "and it takes longer";
    clock.Advance(1s);
    EXPECT_TRUE(WaitUntilAvailable());
  }

  EXPECT_THAT(Put(MakeAnswer(2)), IsOk());
  EXPECT_THAT(Get(1), IsOk());
  EXPECT_THAT(Get(2), IsOk());
  EXPECT_TRUE(tier->available());
  EXPECT_EQ(tier->counts().errors, 4);
  tier = nullptr;
  EXPECT_EQ(lines.Count("the disk tier fails"), 1) << "once";
  EXPECT_EQ(lines.Count("works again"), 1);
}

TEST_F(DiskTierTest, MissesAreNoFailures) {
  for (std::uint64_t i = 0; i < 10; ++i) {
    EXPECT_THAT(Get(i), StatusIs(absl::StatusCode::kNotFound));
  }

  EXPECT_TRUE(tier->available());
  EXPECT_EQ(tier->counts().errors, 0);
}

TEST_F(DiskTierTest, WritesHitsDownAtItsEnd) {
  ASSERT_THAT(Put(MakeAnswer(1)), IsOk());
  clock.Advance(1s);
  for (int i = 0; i < 3; ++i) ASSERT_THAT(Get(1), IsOk());
  const std::int64_t used = ToMicros(clock.SystemNow());

  tier = nullptr;

  EXPECT_EQ(RecordOnDisk(1).hits(), 3);
  EXPECT_EQ(RecordOnDisk(1).used_us(), used);
}

TEST_F(DiskTierTest, WritesHitsDownEveryFewSeconds) {
  ASSERT_THAT(Put(MakeAnswer(1)), IsOk());
  ASSERT_THAT(Get(1), IsOk());
  clock.Advance(6s);
  ASSERT_THAT(Get(1), IsOk());
  Drain();
  ASSERT_THAT(Put(MakeAnswer(1)), IsOk());

  tier = nullptr;

  EXPECT_EQ(RecordOnDisk(1).hits(), 0) << "they were written before it was put in anew";
}

TEST_F(DiskTierTest, RemembersGenerations) {
  const Generations::Entry tag = {"tag:a", {.value = 5, .unshared = true}};
  EXPECT_THAT(tier->generations(), ::testing::IsEmpty());
  ASSERT_THAT(WriteGenerations({.entries = {tag}}), IsOk());

  Open();
  EXPECT_THAT(tier->generations(), ::testing::ElementsAre(tag));

  const Generations::Entry all = {EverythingName(), {.value = 6}};
  ASSERT_THAT(WriteGenerations({.entries = {all}, .all_others_forgotten = true}), IsOk());
  Open();
  EXPECT_THAT(tier->generations(), ::testing::ElementsAre(all));
}

TEST_F(DiskTierTest, WritesWhatTheTableHasInWhateverOrderItIsTold) {
  Generations table(100, [next = std::make_shared<std::uint64_t>(1)] { return (*next)++; });
  tier->Follow(table);
  Generations::Change older = table.Invalidate(std::vector{TagName("a")});
  Generations::Change newer = table.Invalidate(std::vector{TagName("a")});

  ASSERT_THAT(WriteGenerations(std::move(newer)), IsOk());
  ASSERT_THAT(WriteGenerations(std::move(older)), IsOk());

  Open();
  EXPECT_EQ(tier->generations(), table.All());
}

TEST_F(DiskTierTest, WritesAllThatWasInvalidatedOnceTheDiskIsWellAgain) {
  Generations table(100, [next = std::make_shared<std::uint64_t>(1)] { return (*next)++; });
  tier->Follow(table);
  {
    const FullDisk full;
    EXPECT_THAT(WriteGenerations(table.Invalidate(std::vector{TagName("a")})),
                StatusIs(absl::StatusCode::kUnavailable));
  }

  ASSERT_THAT(Put(MakeAnswer(1)), IsOk());

  Open();
  EXPECT_EQ(tier->generations(), table.All());
}

TEST_F(DiskTierTest, RemembersWhatWasInvalidatedInItsOrder) {
  absl::Notification last;
  for (std::uint64_t value = 1; value <= 100; ++value) {
    tier->WriteGenerations({.entries = {{"tag:a", {.value = value, .unshared = true}}}},
                           [&, value](const absl::Status& status) {
                             EXPECT_THAT(status, IsOk());
                             if (value == 100) last.Notify();
                           });
  }
  last.WaitForNotification();

  Open();

  EXPECT_THAT(tier->generations(), ::testing::ElementsAre(::testing::Pair(
                                       "tag:a", Generation{.value = 100, .unshared = true})));
}

TEST_F(DiskTierTest, FinishesWhatIsQueuedAtItsEnd) {
  std::atomic<int> acknowledged = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    tier->Put(MakeAnswer(i),
              [&](const absl::Status& status) { acknowledged += status.ok() ? 1 : 0; });
  }

  Open();

  EXPECT_EQ(acknowledged.load(), 100);
  EXPECT_EQ(tier->counts().entries, 100);
}

TEST_F(DiskTierTest, ADirectoryInUseIsAnError) {
  EXPECT_THAT(DiskTier::Open(config, {}, kMaxAnswer, clock, {}),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace chasqui::cache
