// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/disk_store.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "services/cache/answer/answer.h"
#include "services/cache/disk/database.h"
#include "tests/support/cache/answers.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/services/cache/disk/disk_fixture.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using ::absl_testing::IsOk;
using ::absl_testing::IsOkAndHolds;
using ::absl_testing::StatusIs;
using ::testing::HasSubstr;
using testing::KeyNumber;

constexpr std::uint64_t kMiB = 1 << 20;

struct DiskStoreTest : ::testing::Test {
  DiskStoreTest() { Open(); }

  void Open(std::uint64_t max_bytes = 16 * kMiB) {
    store = nullptr;
    absl::StatusOr<std::unique_ptr<DiskStore>> opened =
        DiskStore::Open({.path = dir.database(), .max_bytes = max_bytes}, clock, {});
    ASSERT_THAT(opened, IsOk());
    store = *std::move(opened);
  }
  v1::DiskRecord Record(std::chrono::seconds ttl = 1h, std::int64_t cost_us = 1000) const {
    v1::DiskRecord record;
    record.set_expires_us(ToMicros(clock.SystemNow() + ttl));
    record.set_used_us(ToMicros(clock.SystemNow()));
    record.set_cost_us(cost_us);
    return record;
  }
  absl::Status Put(std::uint64_t number, std::string_view bytes, std::chrono::seconds ttl = 1h) {
    return store->Put(KeyNumber(number), bytes, Record(ttl));
  }
  // What zstd does not make smaller.
  std::string Noise(std::size_t size) {
    std::string bytes;
    while (bytes.size() < size) bytes.push_back(static_cast<char>(random()));
    return bytes;
  }

  TempDir dir;
  testing::FakeClock clock;
  std::mt19937_64 random{7};
  std::unique_ptr<DiskStore> store;
};

TEST_F(DiskStoreTest, GivesBackWhatWasPut) {
  ASSERT_THAT(Put(1, "one"), IsOk());
  ASSERT_THAT(Put(2, ""), IsOk());

  EXPECT_THAT(store->Get(KeyNumber(1)), IsOkAndHolds("one"));
  EXPECT_THAT(store->Get(KeyNumber(2)), IsOkAndHolds(""));
  EXPECT_THAT(store->Get(KeyNumber(3)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(store->entries(), 2);
}

TEST_F(DiskStoreTest, CountsWhatItHolds) {
  ASSERT_THAT(Put(1, Noise(1000)), IsOk());
  const std::uint64_t one = store->bytes();
  ASSERT_THAT(Put(1, Noise(3000)), IsOk());
  EXPECT_EQ(store->bytes(), one + 2000) << "in place of what was there";
  ASSERT_THAT(Put(2, Noise(1000)), IsOk());
  ASSERT_THAT(store->Remove(KeyNumber(1)), IsOk());
  ASSERT_THAT(store->Remove(KeyNumber(1)), IsOk());

  EXPECT_EQ(store->entries(), 1);
  EXPECT_EQ(store->bytes(), one);
  EXPECT_THAT(store->Get(KeyNumber(1)), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DiskStoreTest, FindsEverythingAfterItIsOpenedAgain) {
  for (std::uint64_t i = 0; i < 200; ++i) ASSERT_THAT(Put(i, absl::StrCat("text ", i)), IsOk());
  ASSERT_THAT(store->Remove(KeyNumber(7)), IsOk());
  const std::uint64_t bytes = store->bytes();

  Open();

  EXPECT_EQ(store->entries(), 199);
  EXPECT_EQ(store->bytes(), bytes);
  EXPECT_THAT(store->Get(KeyNumber(8)), IsOkAndHolds("text 8"));
  EXPECT_THAT(store->Get(KeyNumber(7)), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DiskStoreTest, TellsNothingThatHasExpired) {
  ASSERT_THAT(Put(1, "one", 60s), IsOk());

  clock.Advance(60s - 1us);
  EXPECT_THAT(store->Get(KeyNumber(1)), IsOk());
  clock.Advance(1us);
  EXPECT_THAT(store->Get(KeyNumber(1)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(store->expired(), 1);
  EXPECT_EQ(store->entries(), 0) << "its room is free";
  EXPECT_EQ(store->bytes(), 0);
}

TEST_F(DiskStoreTest, SweepsWhatHasExpiredAndIsNotAskedFor) {
  for (std::uint64_t i = 0; i < 500; ++i) ASSERT_THAT(Put(i, "short", 60s), IsOk());
  clock.Advance(61s);

  for (std::uint64_t i = 1000; i < 1300; ++i) ASSERT_THAT(Put(i, "long"), IsOk());

  EXPECT_EQ(store->expired(), 500);
  EXPECT_EQ(store->entries(), 300);
  EXPECT_THAT(store->Get(KeyNumber(1000)), IsOk());
}

TEST_F(DiskStoreTest, MergingFilesDropsWhatHasExpired) {
  ASSERT_THAT(Put(1, Noise(4 * kMiB), 60s), IsOk());
  ASSERT_THAT(Put(2, Noise(1000)), IsOk());
  store = nullptr;
  clock.Advance(61s);
  {
    const auto database = Database::Open(
        {.path = dir.database(), .max_bytes = 16 * kMiB, .block_cache_bytes = kMiB}, clock);
    ASSERT_THAT(database, IsOk());
    rocksdb::CompactRangeOptions all;
    all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    ASSERT_TRUE((**database)->CompactRange(all, (*database)->answers(), nullptr, nullptr).ok());
  }

  EXPECT_LT(dir.FileBytes(), kMiB);
  Open();
  EXPECT_THAT(store->Get(KeyNumber(1)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store->Get(KeyNumber(2)), IsOk());
}

TEST_F(DiskStoreTest, MakesRoomByWhatIsWorthLeast) {
  constexpr std::size_t kBytes = 64 << 10;
  Open(kMiB);
  // Equal but for cost and hits; in a store so small a sample is all there is. Thirteen fit.
  for (std::uint64_t i = 0; i < 12; ++i) {
    ASSERT_THAT(store->Put(KeyNumber(i), Noise(kBytes), Record(1h, i == 3 ? 1'000'000 : 1000)),
                IsOk());
  }
  ASSERT_THAT(store->AddHits({{KeyNumber(5), 20}}), IsOk());
  clock.Advance(10s);

  // With the two, all that fits.
  for (std::uint64_t i = 100; i < 111; ++i) ASSERT_THAT(Put(i, Noise(kBytes)), IsOk());

  EXPECT_THAT(store->Get(KeyNumber(3)), IsOk()) << "dear";
  EXPECT_THAT(store->Get(KeyNumber(5)), IsOk()) << "found often";
  EXPECT_THAT(store->Get(KeyNumber(110)), IsOk()) << "new";
  EXPECT_THAT(store->Get(KeyNumber(0)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_GT(store->evicted(), 0);
  EXPECT_LE(store->bytes(), kMiB);
}

TEST_F(DiskStoreTest, TheDearAndTheUsedOutliveTheCheap) {
  const std::string bytes(8000, 'x');
  for (std::uint64_t i = 0; i < 200; ++i) {
    ASSERT_THAT(store->Put(KeyNumber(i), bytes, Record(1h, i < 100 ? 1'000'000 : 1000)), IsOk());
  }
  ASSERT_THAT(store->AddHits({{KeyNumber(150), 5000}}), IsOk());

  for (std::uint64_t i = 1000; i < 6000; ++i) ASSERT_THAT(Put(i, bytes), IsOk());

  int dear = 0;
  int cheap = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    dear += store->Get(KeyNumber(i)).ok() ? 1 : 0;
    cheap += store->Get(KeyNumber(100 + i)).ok() ? 1 : 0;
  }
  EXPECT_GT(dear, 95);
  EXPECT_LT(cheap, 60);
  EXPECT_THAT(store->Get(KeyNumber(150)), IsOk());
}

TEST_F(DiskStoreTest, KeepsToItsBytesInItsFilesToo) {
  std::uint64_t most = 0;
  std::vector<std::size_t> sizes = {500, 4000, 4000, 30'000, 200'000};
  for (std::uint64_t i = 0, written = 0; written < 40 * kMiB; ++i) {
    const std::size_t size = sizes[random() % sizes.size()];
    // One in four in place of an older one.
    const std::uint64_t number = i % 4 == 0 ? random() % (i + 1) : i;
    ASSERT_THAT(Put(number, Noise(size)), IsOk());
    ASSERT_LE(store->bytes(), 16 * kMiB);
    written += size;
    if (i % 50 == 0) most = std::max(most, dir.FileBytes());
  }
  RecordProperty("most_file_bytes", static_cast<int>(most));

  EXPECT_GT(store->bytes(), 12 * kMiB);
  EXPECT_LE(most, 20 * kMiB);
}

TEST_F(DiskStoreTest, ADirectoryInUseIsAnErrorThatSaysSo) {
  EXPECT_THAT(DiskStore::Open({.path = dir.database(), .max_bytes = kMiB}, clock, {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("lock")));
  EXPECT_THAT(Put(1, "still works"), IsOk());
}

TEST_F(DiskStoreTest, ADirectoryThatCannotBeMadeIsAnErrorThatSaysSo) {
  std::ofstream(dir.path() + "/file") << "a file";

  EXPECT_THAT(DiskStore::Open({.path = dir.path() + "/file/in", .max_bytes = kMiB}, clock, {}),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("/file/in")));
}

TEST_F(DiskStoreTest, ADamagedDirectoryIsMovedAsideAndBegunAnew) {
  for (int times = 0; times < 2; ++times) {
    ASSERT_THAT(Put(1, "one"), IsOk());
    store = nullptr;
    std::ofstream(dir.database() + "/CURRENT") << "nonsense\n";

    Open();

    EXPECT_THAT(store->Get(KeyNumber(1)), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_EQ(store->bytes(), 0);
    EXPECT_TRUE(std::filesystem::exists(dir.database() + ".damaged/CURRENT"));
  }
  const auto left = std::filesystem::directory_iterator(dir.path());
  EXPECT_EQ(std::distance(begin(left), end(left)), 2) << "it and one damaged one";
}

TEST_F(DiskStoreTest, AGenerationThatCannotBeReadIsADamagedDirectory) {
  store = nullptr;
  {
    const auto database = Database::Open(
        {.path = dir.database(), .max_bytes = kMiB, .block_cache_bytes = kMiB}, clock);
    ASSERT_THAT(database, IsOk());
    ASSERT_TRUE((**database)->Put({}, (*database)->generations(), "model:tiny", "\xff").ok());
  }

  Open();

  EXPECT_TRUE(std::filesystem::exists(dir.database() + ".damaged"));
  EXPECT_THAT(store->ReadGenerations(), IsOkAndHolds(::testing::IsEmpty()));
}

TEST_F(DiskStoreTest, DamagedBlocksAreNeverTold) {
  ASSERT_THAT(Put(1, Noise(100'000)), IsOk());
  store = nullptr;
  Open();  // which writes the log out to files
  store = nullptr;
  ASSERT_GT(Damage(dir.database(), ".sst"), 0);
  absl::StatusOr<std::unique_ptr<DiskStore>> opened =
      DiskStore::Open({.path = dir.database(), .max_bytes = 16 * kMiB}, clock, {});
  ASSERT_THAT(opened, IsOk());

  const absl::StatusOr<std::string> found = (*opened)->Get(KeyNumber(1));

  EXPECT_FALSE(found.ok()) << "moved aside as a whole, or the block is found damaged";
  EXPECT_THAT((*opened)->Put(KeyNumber(1), "again", Record()), IsOk());
  EXPECT_THAT((*opened)->Get(KeyNumber(1)), IsOkAndHolds("again"));
}

TEST_F(DiskStoreTest, DamageFoundWhenFilesAreMergedBeginsAnew) {
  for (std::uint64_t i = 0; i < 60; ++i) ASSERT_THAT(Put(i, Noise(50'000)), IsOk());
  store = nullptr;
  Open();  // which writes the log out to files
  store = nullptr;
  ASSERT_GT(Damage(dir.database(), ".sst"), 0);
  Open();
  int failed = 0;

  for (std::uint64_t i = 1000; i < 1300; ++i) failed += Put(i, Noise(50'000)).ok() ? 0 : 1;

  EXPECT_TRUE(std::filesystem::exists(dir.database() + ".damaged"));
  EXPECT_LE(failed, 5) << "then it has recovered";
  EXPECT_THAT(Put(1, "again"), IsOk());
  EXPECT_THAT(store->Get(KeyNumber(1)), IsOkAndHolds("again"));
}

TEST_F(DiskStoreTest, ADamagedAnswerCanBeRemovedWithoutItsRecord) {
  store = nullptr;
  {
    const auto database = Database::Open(
        {.path = dir.database(), .max_bytes = kMiB, .block_cache_bytes = kMiB}, clock);
    ASSERT_THAT(database, IsOk());
    const std::string key(KeyNumber(1).bytes());
    ASSERT_TRUE((**database)->Put({}, (*database)->answers(), key, "short").ok());
  }
  Open();
  EXPECT_THAT(store->Get(KeyNumber(1)), StatusIs(absl::StatusCode::kDataLoss));

  EXPECT_THAT(store->Remove(KeyNumber(1)), IsOk());

  EXPECT_THAT(store->Get(KeyNumber(1)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(store->entries(), 0);
}

TEST_F(DiskStoreTest, AFailedWriteIsToldAndItRecoversByItself) {
  ASSERT_THAT(Put(1, "before"), IsOk());
  {
    const FullDisk full;
    EXPECT_THAT(Put(2, Noise(1000)), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_THAT(Put(3, Noise(1000)), StatusIs(absl::StatusCode::kUnavailable));
  }

  EXPECT_THAT(Put(4, "after"), IsOk());
  EXPECT_THAT(store->Get(KeyNumber(1)), IsOkAndHolds("before"));
  EXPECT_THAT(store->Get(KeyNumber(2)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store->Get(KeyNumber(4)), IsOkAndHolds("after"));
  EXPECT_EQ(store->entries(), 2);
}

TEST_F(DiskStoreTest, RemembersGenerations) {
  const Generations::Entry tag = {"tag:a", {.value = 5, .unshared = true}};
  const Generations::Entry model = {"model:tiny", {.value = 6}};
  ASSERT_THAT(store->WriteGenerations({.entries = {tag}}), IsOk());
  ASSERT_THAT(store->WriteGenerations({.entries = {model}}), IsOk());

  Open();
  EXPECT_THAT(store->ReadGenerations(), IsOkAndHolds(::testing::UnorderedElementsAre(tag, model)));

  const Generations::Entry all = {EverythingName(), {.value = 7}};
  ASSERT_THAT(store->WriteGenerations({.entries = {all}, .all_others_forgotten = true}), IsOk());
  EXPECT_THAT(store->ReadGenerations(), IsOkAndHolds(::testing::ElementsAre(all)));
}

}  // namespace
}  // namespace chasqui::cache
