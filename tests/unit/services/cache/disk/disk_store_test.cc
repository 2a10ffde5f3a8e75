// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/disk_store.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "services/cache/answer/packing.h"
#include "services/cache/disk/disk_format.h"
#include "services/cache/disk/eviction.h"
#include "tests/support/wait_until.h"
#include "tests/unit/services/cache/answers.h"
#include "tests/unit/services/cache/disk/folder.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using ::absl_testing::IsOk;
using ::absl_testing::IsOkAndHolds;
using ::absl_testing::StatusIs;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class DiskStoreTest : public ::testing::Test {
 protected:
  void Open(std::uint64_t max_bytes = 64 << 20) {
    store_.reset();
    auto store = DiskStore::Open({.path = folder_.path(), .max_bytes = max_bytes}, clock_, {});
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }

  absl::Status Put(std::uint64_t number, const std::string& envelope, time::Duration ttl = 1h,
                   std::int64_t cost_us = 1000) {
    v1::DiskRecord record;
    record.set_expires_us(ToMicros(clock_.SystemNow() + ttl));
    record.set_cost_us(cost_us);
    record.set_used_us(ToMicros(clock_.SystemNow()));
    return store_->Put(KeyNumber(number), envelope, record);
  }

  std::uint64_t BytesOnDisk() const {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      const std::string name = entry.path().filename();
      // One may go while it is looked at.
      std::error_code gone;
      const std::uint64_t size = std::filesystem::file_size(entry.path(), gone);
      if (!gone && (name.ends_with(".sst") || name.ends_with(".log"))) bytes += size;
    }
    return bytes;
  }

  testing::FakeClock clock_;
  Folder folder_;
  std::unique_ptr<DiskStore> store_;
};

TEST_F(DiskStoreTest, KeepsAnswersOverAReopening) {
  Open();
  ASSERT_THAT(Put(1, "one"), IsOk());
  ASSERT_THAT(Put(2, "two"), IsOk());
  ASSERT_THAT(Put(2, "second"), IsOk());
  ASSERT_THAT(store_->Remove(KeyNumber(1)), IsOk());

  Open();

  EXPECT_THAT(store_->Get(KeyNumber(1)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_->Get(KeyNumber(2)), IsOkAndHolds("second"));
  EXPECT_EQ(store_->entries(), 1);
}

TEST_F(DiskStoreTest, ForgetsWhatHasExpired) {
  Open();
  ASSERT_THAT(Put(1, "one", 1min), IsOk());
  clock_.Advance(1min);

  EXPECT_THAT(store_->Get(KeyNumber(1)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(store_->entries(), 0);
  EXPECT_EQ(store_->bytes(), 0);
  EXPECT_EQ(store_->expired(), 1);
}

TEST_F(DiskStoreTest, StaysWithinItsBytesOnDiskToo) {
  constexpr std::uint64_t kMaxBytes = 16 << 20;
  Open(kMaxBytes);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    // Five times what fits, which cannot be packed.
    ASSERT_THAT(Put(i, AnswerNumber(i, clock_.SystemNow(), 8000)->events(0)), IsOk());
    ASSERT_LE(store_->bytes(), kMaxBytes);
  }

  EXPECT_GT(store_->evicted(), 5000);
  // What is deleted is merged away in the background.
  EXPECT_TRUE(testing::WaitUntil([&] { return BytesOnDisk() <= kMaxBytes * 5 / 4; }))
      << BytesOnDisk();
}

TEST_F(DiskStoreTest, TheDearAndTheUsedOutliveTheCheap) {
  Open(16 << 20);
  for (std::uint64_t i = 0; i < 200; ++i) {
    ASSERT_THAT(Put(i, std::string(8000, 'x'), 1h, i < 100 ? 1'000'000 : 1000), IsOk());
  }
  ASSERT_THAT(store_->AddHits({{KeyNumber(150), 5000}}), IsOk());

  for (std::uint64_t i = 1000; i < 6000; ++i) {
    ASSERT_THAT(Put(i, std::string(8000, 'x'), 1h, 1000), IsOk());
  }

  int dear = 0;
  int cheap = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    dear += store_->Get(KeyNumber(i)).ok() ? 1 : 0;
    cheap += store_->Get(KeyNumber(100 + i)).ok() ? 1 : 0;
  }
  EXPECT_GT(dear, 95);
  EXPECT_LT(cheap, 60);
  EXPECT_THAT(store_->Get(KeyNumber(150)), IsOk());
}

TEST_F(DiskStoreTest, KeepsGenerations) {
  Open();
  ASSERT_THAT(
      store_->WriteGenerations({.entries = {{"tag:a", {5, true}}, {"model:m", {6, false}}}}),
      IsOk());

  Open();

  EXPECT_THAT(store_->ReadGenerations(),
              IsOkAndHolds(UnorderedElementsAre(Pair("tag:a", Generation{5, true}),
                                                Pair("model:m", Generation{6, false}))));
  ASSERT_THAT(store_->WriteGenerations(
                  {.entries = {{"everything", {7, false}}}, .all_others_forgotten = true}),
              IsOk());
  EXPECT_THAT(store_->ReadGenerations(),
              IsOkAndHolds(UnorderedElementsAre(Pair("everything", Generation{7, false}))));
}

TEST_F(DiskStoreTest, ADamagedDirectoryIsMovedAside) {
  Open();
  ASSERT_THAT(Put(1, "one"), IsOk());
  store_.reset();
  std::ofstream(folder_.path() + "/CURRENT") << "nonsense\n";

  Open();

  EXPECT_THAT(store_->Get(KeyNumber(1)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(std::filesystem::exists(folder_.path() + ".damaged"));
  ASSERT_THAT(Put(1, "one"), IsOk());
}

TEST_F(DiskStoreTest, ADirectoryThatIsInUseIsAnError) {
  Open();

  const auto second = DiskStore::Open({.path = folder_.path(), .max_bytes = 64 << 20}, clock_, {});

  EXPECT_FALSE(second.ok());
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + ".damaged"));
}

TEST(DiskFormat, GivesBackWhatItWasGiven) {
  const std::string value = EncodeValue(-5, "envelope");

  EXPECT_EQ(DecodeValue(value)->expires_us, -5);
  EXPECT_EQ(DecodeValue(value)->envelope, "envelope");
  EXPECT_FALSE(DecodeValue("1234567").has_value());
  EXPECT_EQ(DecodeGeneration(EncodeGeneration({7, true})), (Generation{7, true}));
  EXPECT_FALSE(DecodeGeneration("").has_value()) << "0 is no generation";
}

TEST(Eviction, WeighsCostSizeUseAndAge) {
  const auto record = [](std::uint64_t size, std::int64_t cost, std::int64_t used, unsigned hits) {
    v1::DiskRecord made;
    made.set_size_bytes(size);
    made.set_cost_us(cost);
    made.set_used_us(used);
    made.set_hits(hits);
    made.set_expires_us(1'000'000'000);
    return made;
  };
  constexpr std::int64_t kNow = 100'000'000;
  const v1::DiskRecord usual = record(1000, 1000, kNow, 1);
  EXPECT_GT(Worth(record(1000, 2000, kNow, 1), kNow), Worth(usual, kNow)) << "dearer";
  EXPECT_GT(Worth(record(500, 1000, kNow, 1), kNow), Worth(usual, kNow)) << "smaller";
  EXPECT_GT(Worth(record(1000, 1000, kNow, 2), kNow), Worth(usual, kNow)) << "more used";
  EXPECT_LT(Worth(record(1000, 1000, kNow - 1'000'000, 1), kNow), Worth(usual, kNow))
      << "longer ago";
  v1::DiskRecord expired = record(1, 1'000'000, kNow, 1000);
  expired.set_expires_us(kNow);
  EXPECT_EQ(LeastWorth(std::vector{usual, expired}, kNow), 1);
}

}  // namespace
}  // namespace chasqui::cache
