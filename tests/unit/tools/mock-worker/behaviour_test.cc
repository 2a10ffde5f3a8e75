// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/behaviour.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"

namespace chasqui::mock_worker {
namespace {

using absl_testing::IsOkAndHolds;
using absl_testing::StatusIs;
using testing::AllOf;
using testing::HasSubstr;

TEST(ParseBehaviour, KeepsTheDefaultsOfWhatIsNotSaid) {
  const Behaviour defaults{.tokens = 7, .stamp = true};

  EXPECT_THAT(ParseBehaviour("", defaults), IsOkAndHolds(defaults));
}

TEST(ParseBehaviour, TakesTimesCountsAndFaults) {
  const Behaviour expected{.tokens = 100,
                           .time_to_first_token = std::chrono::milliseconds(5),
                           .interval = std::chrono::microseconds(2500),
                           .message_bytes = 200,
                           .on = "mock-1",
                           .fail_after = 5,
                           .fail_code = absl::StatusCode::kInternal,
                           .hang_after = 0};

  EXPECT_THAT(ParseBehaviour("tokens=100 ttft_ms=5 interval_ms=2.5  message_bytes=200 on=mock-1 "
                             "fail_after=5 code=13 hang_after=0",
                             {}),
              IsOkAndHolds(expected));
}

TEST(ParseBehaviour, TellsEveryWrongWordAndTheKnownOnes) {
  EXPECT_THAT(ParseBehaviour("tokens=many code=99 pace=3", {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("\"tokens=many\""), HasSubstr("\"code=99\""),
                             HasSubstr("\"pace\" is unknown"), HasSubstr("known are tokens, "))));
}

TEST(BehaviourOf, ReadsTheDirectiveUpToTheEndOfItsLine) {
  const Behaviour expected{.tokens = 3};

  EXPECT_THAT(BehaviourOf("Hello. mock: tokens=3\nand more = text", {}), IsOkAndHolds(expected));
}

TEST(BehaviourOf, IsTheDefaultForPromptsWithoutOne) {
  const Behaviour defaults{.tokens = 9};

  EXPECT_THAT(BehaviourOf("tokens=3", defaults), IsOkAndHolds(defaults));
}

TEST(WithoutFaults, KeepsTextAndTimes) {
  const Behaviour faulty{.tokens = 4,
                         .interval = std::chrono::milliseconds(1),
                         .refuse = absl::StatusCode::kInternal,
                         .full = true,
                         .fail_after = 1,
                         .exit_after = 2};

  EXPECT_EQ(WithoutFaults(faulty),
            (Behaviour{.tokens = 4, .interval = std::chrono::milliseconds(1)}));
}

}  // namespace
}  // namespace chasqui::mock_worker
