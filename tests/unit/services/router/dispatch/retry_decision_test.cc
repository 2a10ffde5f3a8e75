// SPDX-License-Identifier: Apache-2.0
#include "services/router/dispatch/retry_decision.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "common/status/status.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

struct Case {
  std::string name;
  absl::Status error;
  bool begun;
  int attempts;
  AfterFailure expected;
  int moves = 0;
  bool not_taken = false;
};

const absl::Status kFull = status::ResourceExhausted(kWorkerFullReason, "no slot", 1s);

class RetryDecision : public ::testing::TestWithParam<Case> {};

TEST_P(RetryDecision, IsAsTheTableSays) {
  const Case& c = GetParam();

  EXPECT_EQ(Decide({.error = c.error,
                    .begun = c.begun,
                    .not_taken = c.not_taken,
                    .attempts = c.attempts,
                    .moves = c.moves},
                   {.attempts = 3, .moves = 2}),
            c.expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, RetryDecision,
    ::testing::Values(
        Case{"UnreachableGoesElsewhere", absl::UnavailableError("refused"), false, 1,
             AfterFailure::kTryElsewhere},
        Case{"DrainingGoesElsewhere", status::Unavailable("DRAINING", "leaving", 1s), false, 2,
             AfterFailure::kTryElsewhere},
        Case{"AttemptsSpentPassesOn", absl::UnavailableError("refused"), false, 3,
             AfterFailure::kPassOn},
        Case{"BrokenAfterAnEventMoves", absl::UnavailableError("reset"), true, 1,
             AfterFailure::kMove},
        Case{"AttemptsDoNotBoundMoves", absl::UnavailableError("reset"), true, 3,
             AfterFailure::kMove, 1},
        Case{"MovesSpentPassesOn", absl::UnavailableError("reset"), true, 1, AfterFailure::kPassOn,
             2},
        Case{"ResetAfterAnEventMoves", absl::CancelledError("RST_STREAM"), true, 1,
             AfterFailure::kMove},
        Case{"DefectAfterAnEventMoves", absl::InternalError("decode failed"), true, 1,
             AfterFailure::kMove},
        Case{"DeadlineAfterAnEventPassesOn", absl::DeadlineExceededError("late"), true, 1,
             AfterFailure::kPassOn},
        Case{"SlowReaderPassesOn", status::ResourceExhausted("SLOW_READER", "too slow", 1s), true,
             1, AfterFailure::kPassOn},
        Case{"MoveNotTakenMovesOn", status::InvalidArgument("lora_adapters", "unknown"), true, 1,
             AfterFailure::kMove, 1, true},
        Case{"MoveNotTakenForTheDeadlinePassesOn", absl::DeadlineExceededError("late"), true, 1,
             AfterFailure::kPassOn, 1, true},
        Case{"MoveToAFullWorkerAsksAnother", kFull, true, 1, AfterFailure::kWorkerFull, 2, true},
        Case{"FullAsksAnother", kFull, false, 1, AfterFailure::kWorkerFull},
        Case{"FullSpendsNoAttempt", kFull, false, 3, AfterFailure::kWorkerFull},
        Case{"FullAfterAnEventPassesOn", kFull, true, 1, AfterFailure::kPassOn},
        Case{"OtherExhaustionPassesOn", status::ResourceExhausted("KV_FULL", "no room", 1s), false,
             1, AfterFailure::kPassOn},
        Case{"BareExhaustionPassesOn", absl::ResourceExhaustedError("message too large"), false, 1,
             AfterFailure::kPassOn},
        Case{"BadRequestPassesOn", status::InvalidArgument("n", "one only"), false, 1,
             AfterFailure::kPassOn},
        Case{"DeadlinePassesOn", absl::DeadlineExceededError("late"), false, 1,
             AfterFailure::kPassOn},
        Case{"CancelPassesOn", absl::CancelledError("gone"), false, 1, AfterFailure::kPassOn},
        Case{"DefectPassesOn", absl::InternalError("bug"), false, 1, AfterFailure::kPassOn}),
    [](const auto& test) { return test.param.name; });

TEST(EndingOf, TellsHowThePlaceIsLeft) {
  EXPECT_EQ(EndingOf(absl::OkStatus()), Ending::kAnswered);
  EXPECT_EQ(EndingOf(absl::InternalError("bug")), Ending::kFailed);
  EXPECT_EQ(EndingOf(absl::InvalidArgumentError("too long")), Ending::kDone);
  EXPECT_EQ(EndingOf(absl::CancelledError("gone")), Ending::kDone);
  EXPECT_EQ(EndingOf(absl::UnavailableError("reset")), Ending::kUnreachable);
  EXPECT_EQ(EndingOf(kFull), Ending::kFull);
}

}  // namespace
}  // namespace chasqui::router
