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
  bool relayed;
  int attempts;
  AfterFailure expected;
};

const absl::Status kFull = status::ResourceExhausted(kWorkerFullReason, "no slot", 1s);

class RetryDecision : public ::testing::TestWithParam<Case> {};

TEST_P(RetryDecision, IsAsTheTableSays) {
  const Case& c = GetParam();

  EXPECT_EQ(Decide({.error = c.error, .relayed = c.relayed, .attempts = c.attempts}, 3),
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
        Case{"BrokenAfterAnEventPassesOn", absl::UnavailableError("reset"), true, 1,
             AfterFailure::kPassOn},
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
