// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/kv/placement.h"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

using namespace std::chrono_literals;
using Source = Placement::Source;

SeatView Empty() { return {}; }
SeatView Busy(std::uint32_t tokens, std::uint32_t shared) {
  return {.busy = true, .tokens = tokens, .shared = shared};
}
SeatView Kept(std::uint32_t tokens, std::uint32_t shared, time::Duration age = 0s) {
  return {.tokens = tokens, .shared = shared, .last_used = time::SteadyTime(1h) - age};
}

std::optional<Placement> Ask(const std::vector<SeatView>& seats,
                             std::optional<HostView> host = std::nullopt) {
  return Place({.seats = seats, .host = host, .most_shared = 1000, .seconds_per_token = 0.001});
}

TEST(Place, FindsNoSeatWhereAllAreBusy) { EXPECT_EQ(Ask({Busy(9, 9), Busy(9, 0)}), std::nullopt); }

TEST(Place, TakesTheFirstEmptySeat) {
  EXPECT_EQ(Ask({Busy(9, 0), Empty(), Empty()}), (Placement{1, Source::kNothing, 0, 0}));
}

TEST(Place, TakesWhatWasUsedTheLongestAgoWhereNoneIsEmpty) {
  EXPECT_EQ(Ask({Kept(50, 0, 1s), Kept(50, 0, 9s), Kept(50, 0, 5s)}),
            (Placement{1, Source::kNothing, 0, 0}));
}

TEST(Place, SeatsNeighboursSideBySide) {
  const auto ask = [](const std::vector<SeatView>& seats) {
    return Place({.seats = seats, .host = {}, .most_shared = 1000, .neighbours = true})->seat;
  };
  const SeatView old = Kept(50, 0, 9s);
  const SeatView young = Kept(50, 0, 1s);

  EXPECT_EQ(ask({old, young, Busy(9, 0), old, old}), 3) << "older than the other neighbour";
  EXPECT_EQ(ask({Empty(), old, Busy(9, 0), young, Empty()}), 1);
  EXPECT_EQ(ask({Empty(), Busy(9, 0), young, Busy(9, 0), young}), 0) << "empty";
  EXPECT_EQ(ask({Busy(9, 0), young, Busy(9, 0), old}), 3);
  EXPECT_EQ(ask({young, old, young}), 1) << "nobody runs";
  EXPECT_EQ(ask({Busy(9, 0), Busy(9, 0), young}), 2);
}

TEST(Place, GoesOnWhereThePromptLies) {
  EXPECT_EQ(Ask({Empty(), Kept(100, 100)}), (Placement{1, Source::kInPlace, 1, 100}));
}

TEST(Place, CopiesWhatARunningAnswerHolds) {
  EXPECT_EQ(Ask({Busy(100, 80), Empty()}), (Placement{1, Source::kSeat, 0, 80}));
}

TEST(Place, DoesNotCostAnotherConversationItsRest) {
  EXPECT_EQ(Ask({Empty(), Kept(500, 100)}), (Placement{0, Source::kSeat, 1, 100}));
}

TEST(Place, TakesOverWhatWouldHaveToLeaveAnyway) {
  EXPECT_EQ(Ask({Kept(500, 100, 9s), Kept(500, 0, 1s)}), (Placement{0, Source::kInPlace, 0, 100}));
}

TEST(Place, ComputesTheLastTokenAtAnyRate) {
  const SeatView seats[] = {Kept(100, 100)};
  EXPECT_EQ(Place({.seats = seats, .host = {}, .most_shared = 99}),
            (Placement{0, Source::kInPlace, 0, 99}));
}

TEST(Place, DoesNotCopyAFewTokens) {
  EXPECT_EQ(Ask({Busy(100, kLeastShared - 1), Empty()}), (Placement{1, Source::kNothing, 0, 0}));
}

TEST(Place, DoesNotCopyWhatIsSoonerComputed) {
  SeatView running = Busy(100, 80);  // 80 ms to compute
  running.copy_seconds = 0.079;
  EXPECT_EQ(Ask({running, Empty()}), (Placement{1, Source::kSeat, 0, 80}));
  running.copy_seconds = 0.081;
  EXPECT_EQ(Ask({running, Empty()}), (Placement{1, Source::kNothing, 0, 0}));
}

TEST(Place, BringsBackFromHostMemoryWhatIsDearerToCompute) {
  EXPECT_EQ(Ask({Empty()}, HostView{200, 0.1}), (Placement{0, Source::kHost, 0, 200}));
  EXPECT_EQ(Ask({Empty()}, HostView{200, 0.3}), (Placement{0, Source::kNothing, 0, 0}));
}

TEST(Place, PrefersASeatThatHoldsAsMuch) {
  EXPECT_EQ(Ask({Kept(200, 200)}, HostView{200, 0.0}), (Placement{0, Source::kInPlace, 0, 200}));
}

}  // namespace
}  // namespace chasqui::worker
