// SPDX-License-Identifier: Apache-2.0
#include "services/router/dispatch/recall.h"

#include <chrono>
#include <optional>

#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

class RecallTest : public ::testing::Test {
 protected:
  RecallTest() {
    member_.session = 1;
    member_.load.set_state(fleet::v1::WORKER_STATE_READY);
    seat_.last_progress = now_;
  }

  std::optional<Recall> Why() const { return WhyLeave(member_, seat_, now_, 10s); }

  time::SteadyTime now_ = time::SteadyTime() + 1h;
  Member member_;
  Seat seat_{member_};
};

TEST_F(RecallTest, StaysOnAWorkerThatIsWell) { EXPECT_EQ(Why(), std::nullopt); }

TEST_F(RecallTest, LeavesOneThatSaysItDrains) {
  member_.load.set_state(fleet::v1::WORKER_STATE_DRAINING);

  EXPECT_EQ(Why(), Recall::kDraining);
}

TEST_F(RecallTest, LeavesOneThatIsToldToDrain) {
  member_.drain_requested = true;

  EXPECT_EQ(Why(), Recall::kDraining);
}

TEST_F(RecallTest, LeavesOneThatIsGone) {
  member_.session = 0;
  member_.drain_requested = true;

  EXPECT_EQ(Why(), Recall::kGone);
}

TEST_F(RecallTest, LeavesOneThatComputesNothing) {
  seat_.last_progress = now_ - 9s;
  EXPECT_EQ(Why(), std::nullopt);

  seat_.last_progress = now_ - 10s;
  EXPECT_EQ(Why(), Recall::kStill);
}

TEST_F(RecallTest, MovesFromOneThatDrainsThoughItComputesNothing) {
  seat_.last_progress = now_ - 10s;
  member_.drain_requested = true;

  EXPECT_EQ(Why(), Recall::kDraining);
}

}  // namespace
}  // namespace chasqui::router
