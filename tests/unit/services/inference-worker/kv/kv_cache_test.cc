// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/kv/kv_cache.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

using namespace std::chrono_literals;
using Tokens = std::vector<std::int32_t>;

// A KV cache whose cells are the tokens themselves: what a seat really holds can be looked at.
class FakeMemory final : public KvMemory {
 public:
  FakeMemory(std::uint32_t sequences, bool unified) : cells(sequences), unified_(unified) {}

  std::uint32_t sequences() const override { return static_cast<std::uint32_t>(cells.size()); }
  bool unified() const override { return unified_; }
  bool can_share() const override { return true; }
  bool can_shift() const override { return true; }
  void Remove(std::uint32_t sequence) override { cells[sequence].clear(); }
  bool Keep(std::uint32_t sequence, std::uint32_t tokens) override {
    EXPECT_GE(cells[sequence].size(), tokens);
    cells[sequence].resize(tokens);
    return true;
  }
  bool Share(std::uint32_t from, std::uint32_t to, std::uint32_t tokens) override {
    EXPECT_TRUE(unified_);
    EXPECT_TRUE(cells[to].empty());
    cells[to].assign(cells[from].begin(), cells[from].begin() + tokens);
    return true;
  }
  std::vector<std::uint8_t> Save(std::uint32_t sequence) override {
    std::vector<std::uint8_t> state(SavedSize(sequence));
    std::memcpy(state.data(), cells[sequence].data(), state.size());
    return state;
  }
  std::uint64_t SavedSize(std::uint32_t sequence) override { return 4 * cells[sequence].size(); }
  bool Restore(std::uint32_t sequence, std::span<const std::uint8_t> state) override {
    if (fail_restores) return false;
    cells[sequence].resize(state.size() / 4);
    std::memcpy(cells[sequence].data(), state.data(), state.size());
    return true;
  }
  bool Shift(std::uint32_t sequence, std::uint32_t keep, std::uint32_t count) override {
    auto& tokens = cells[sequence];
    tokens.erase(tokens.begin() + keep, tokens.begin() + keep + count);
    return true;
  }

  std::vector<Tokens> cells;
  bool fail_restores = false;

 private:
  const bool unified_;
};

class KvCacheTest : public testing::Test {
 protected:
  void Make(std::uint32_t seats, bool unified, KvCache::Options options = {}) {
    memory_ = std::make_unique<FakeMemory>(seats, unified);
    kv_ = std::make_unique<KvCache>(*memory_, options);
  }

  static Tokens Count(std::int32_t from, std::int32_t count) {
    Tokens tokens(static_cast<std::size_t>(count));
    std::iota(tokens.begin(), tokens.end(), from);
    return tokens;
  }
  static Tokens Join(Tokens a, const Tokens& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  std::optional<KvCache::Seat> Take(const Tokens& tokens, std::uint32_t variant = 0) {
    now_ += 1s;
    return kv_->Take(tokens, variant, seconds_per_token_, now_);
  }
  // What the engine does with the rest of a prompt.
  void Compute(const KvCache::Seat& seat, const Tokens& tokens) {
    ASSERT_TRUE(
        std::ranges::equal(memory_->cells[seat.index], std::span(tokens).first(seat.cached_tokens)))
        << "the seat does not hold what it is said to hold";
    const auto rest = std::span(tokens).subspan(seat.cached_tokens);
    memory_->cells[seat.index].insert(memory_->cells[seat.index].end(), rest.begin(), rest.end());
    kv_->Append(seat.index, rest);
  }
  KvCache::Seat Run(const Tokens& tokens, std::uint32_t variant = 0) {
    const auto seat = Take(tokens, variant);
    EXPECT_TRUE(seat.has_value());
    Compute(*seat, tokens);
    return *seat;
  }
  void Leave(const KvCache::Seat& seat) {
    now_ += 1s;
    kv_->Leave(seat.index, now_);
  }

  std::unique_ptr<FakeMemory> memory_;
  std::unique_ptr<KvCache> kv_;
  time::SteadyTime now_{};
  double seconds_per_token_ = 0;
};

class KvCacheLayouts : public KvCacheTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override { Make(3, GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(EachLayout, KvCacheLayouts, testing::Bool());

TEST_P(KvCacheLayouts, GoesOnWhereAConversationWas) {
  const Tokens first = Count(0, 100);
  Leave(Run(first));

  const auto seat = Run(Join(first, Count(500, 20)));

  EXPECT_EQ(seat.cached_tokens, 100);
}

TEST_P(KvCacheLayouts, SharesWhatARunningAnswerHolds) {
  const Tokens prompt = Count(0, 100);
  const auto running = Run(prompt);

  const auto other = Run(Join(prompt, Count(900, 5)));

  EXPECT_NE(other.index, running.index);
  EXPECT_EQ(other.cached_tokens, 100);
}

TEST_P(KvCacheLayouts, ComputesTheLastTokenOfAKnownPrompt) {
  Leave(Run(Count(0, 100)));

  EXPECT_EQ(Run(Count(0, 100)).cached_tokens, 99);
}

TEST_P(KvCacheLayouts, SharesNothingBetweenVariants) {
  Leave(Run(Count(0, 100)));

  EXPECT_EQ(Run(Count(0, 100), 1).cached_tokens, 0);
}

TEST_P(KvCacheLayouts, TakesOneSeatAtATime) {
  for (int i = 0; i < 3; ++i) Run(Count(1000 * i, 10));

  EXPECT_EQ(Take(Count(0, 10)), std::nullopt);
}

TEST_P(KvCacheLayouts, ForgetsWhatWasCleared) {
  const auto seat = Run(Count(0, 100));
  kv_->Clear(seat.index);

  EXPECT_EQ(Run(Count(0, 100)).cached_tokens, 0);
}

TEST_P(KvCacheLayouts, SharesNothingOfAShiftedSequence) {
  const auto seat = Run(Count(0, 100));
  ASSERT_TRUE(kv_->Shift(seat.index, 4, 40));
  EXPECT_EQ(memory_->cells[seat.index].size(), 60);
  Leave(seat);

  EXPECT_EQ(Run(Count(0, 100)).cached_tokens, 0);
  EXPECT_EQ(kv_->running_tokens(), 100);
}

TEST_P(KvCacheLayouts, EvictsTheOldestPrefixFirst) {
  Leave(Run(Count(0, 100)));
  Leave(Run(Count(1000, 100)));

  EXPECT_TRUE(kv_->EvictOne());

  EXPECT_EQ(kv_->used_tokens(), 100);
  EXPECT_EQ(Run(Count(1000, 100)).cached_tokens, 99);
  EXPECT_FALSE(kv_->EvictOne());
}

TEST_F(KvCacheTest, KeepsNothingWhenItMustNot) {
  Make(2, true, {.share_prefixes = false});
  Leave(Run(Count(0, 100)));

  EXPECT_EQ(kv_->used_tokens(), 0);
  EXPECT_EQ(Run(Count(0, 100)).cached_tokens, 0);
}

TEST_F(KvCacheTest, BringsBackFromHostMemoryWhatHadToLeave) {
  Make(1, false, {.host_bytes = 1 << 20});
  Leave(Run(Count(0, 100)));
  Leave(Run(Count(1000, 100)));
  EXPECT_EQ(kv_->counts().saves, 1);

  EXPECT_EQ(Run(Join(Count(0, 100), Count(500, 9))).cached_tokens, 100);
  EXPECT_EQ(kv_->counts().restores, 1);
}

TEST_F(KvCacheTest, ComputesWhatCannotBeRestored) {
  Make(1, false, {.host_bytes = 1 << 20});
  Leave(Run(Count(0, 100)));
  Leave(Run(Count(1000, 100)));
  memory_->fail_restores = true;

  EXPECT_EQ(Run(Count(0, 100)).cached_tokens, 0);
}

TEST_F(KvCacheTest, KeepsOneCopyOfAConversationThatGrows) {
  Make(1, false, {.host_bytes = 1 << 20});
  Tokens conversation = Count(0, 100);
  for (int turn = 0; turn < 5; ++turn) {
    Leave(Run(conversation));
    Leave(Run(Count(5000, 100)));  // pushes it out
    conversation = Join(conversation, Count(1000 * turn, 100));
  }
  EXPECT_LT(kv_->host_bytes(), 3 * 8 * 500);
}

TEST_F(KvCacheTest, ClosesGapsBetweenTakenSeats) {
  Make(3, false);
  const Tokens first = Count(0, 70);
  const Tokens left = Count(1000, 70);
  const Tokens last = Count(2000, 70);
  Run(first);
  const auto middle = Run(left);
  Run(last);
  EXPECT_FALSE(kv_->has_gap());
  Leave(middle);
  EXPECT_TRUE(kv_->has_gap());

  const auto move = kv_->CloseGap();

  ASSERT_TRUE(move.has_value());
  EXPECT_EQ(move->from, 2);
  EXPECT_EQ(move->to, 1);
  EXPECT_EQ(memory_->cells[1], last);
  EXPECT_FALSE(kv_->has_gap());
  // What lay there is still known.
  EXPECT_EQ(memory_->cells[2], left);
  EXPECT_EQ(kv_->counts().evictions, 0);
  EXPECT_EQ(Run(Join(left, {7})).cached_tokens, 70);
}

TEST_F(KvCacheTest, SavesNothingThatIsSoonComputedAgain) {
  Make(1, false, {.host_bytes = 1 << 20});
  std::int32_t begin = 0;
  for (const double seconds : {1.0, 1.0, 1e-15}) {
    seconds_per_token_ = seconds;
    Leave(Run(Count(begin += 1000, 100)));
  }

  EXPECT_EQ(kv_->counts().evictions, 2);
  EXPECT_EQ(kv_->counts().saves, 1);
}

TEST_F(KvCacheTest, StaysAsItIsWhereAGapCannotBeClosed) {
  Make(3, false);
  Run(Count(0, 70));
  const auto middle = Run(Count(1000, 70));
  const Tokens last = Count(2000, 70);
  const auto running = Run(last);
  Leave(middle);
  memory_->fail_restores = true;

  EXPECT_FALSE(kv_->CloseGap().has_value());

  EXPECT_EQ(memory_->cells[running.index], last);
  EXPECT_EQ(memory_->cells[middle.index], Tokens());
  EXPECT_EQ(kv_->counts().evictions, 1);
  EXPECT_TRUE(kv_->has_gap());
  EXPECT_FALSE(kv_->CloseGap().has_value());
  EXPECT_EQ(kv_->counts().evictions, 1) << "nothing was left to lose";
}

TEST_F(KvCacheTest, HasNoGapBesideWhatRuns) {
  Make(3, false);
  const auto first = Run(Count(0, 50));
  Run(Count(1000, 50));
  Leave(first);

  EXPECT_FALSE(kv_->has_gap());
  EXPECT_FALSE(kv_->CloseGap().has_value());
}

TEST_F(KvCacheTest, KeepsThePrefixesOfAnswersThatCameOneAfterTheOther) {
  Make(4, false);
  for (int i = 0; i < 4; ++i) {
    Leave(Run(Count(1000 * i, 50)));
    while (kv_->CloseGap()) continue;
  }

  for (int i = 0; i < 4; ++i) {
    const auto seat = Take(Count(1000 * i, 50));
    EXPECT_EQ(seat->cached_tokens, 49) << i;
    Leave(*seat);
  }
}

TEST_F(KvCacheTest, ForgetsAVariantHereAndInHostMemory) {
  Make(2, false, {.host_bytes = 1 << 20});
  for (const std::uint32_t variant : {1U, 2U}) {
    // More than there are seats.
    for (int i = 0; i < 3; ++i) Leave(Run(Count(1000 * i, 100), variant));
  }
  const std::uint64_t kept = kv_->host_bytes();
  const std::uint32_t used = kv_->used_tokens();

  kv_->Forget(2);
  EXPECT_LT(kv_->host_bytes(), kept);
  EXPECT_LT(kv_->used_tokens(), used);
  for (int i = 0; i < 3; ++i) {
    const auto seat = Take(Count(1000 * i, 100), 2);
    EXPECT_EQ(seat->cached_tokens, 0) << i;
    kv_->Clear(seat->index);
  }
  EXPECT_EQ(Take(Count(0, 100), 1)->cached_tokens, 99);
}

TEST_F(KvCacheTest, HasNoGapsWhereCellsAreShared) {
  Make(3, true);
  const auto first = Run(Count(0, 50));
  Run(Count(1000, 50));
  Leave(first);

  EXPECT_FALSE(kv_->has_gap());
}

}  // namespace
}  // namespace chasqui::worker
