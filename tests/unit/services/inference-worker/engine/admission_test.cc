// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/admission.h"

#include <optional>

#include <gtest/gtest.h>

#include "common/status/status.h"

namespace chasqui::worker {
namespace {

TEST(Admission, GrantsNoMoreThanTheSlots) {
  Admission admission(2);
  auto one = admission.Admit(1, "");
  auto two = admission.Admit(1, "");

  EXPECT_EQ(status::ErrorReason(admission.Admit(1, "").status()), "WORKER_FULL");
  EXPECT_EQ(status::ErrorReason(admission.CheckRoom()), "WORKER_FULL");
}

TEST(Admission, GrantsAsManySlotsAsWanted) {
  Admission admission(8);
  auto five = admission.Admit(5, "");

  EXPECT_EQ(admission.Admit(4, "").status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(admission.CheckRoom().ok());
  EXPECT_TRUE(admission.Admit(3, "").ok());
}

TEST(Admission, TakesBackWhatAGrantHeld) {
  Admission admission(3);
  {
    const auto grant = admission.Admit(3, "a");
    EXPECT_EQ(admission.active(), 3);
    EXPECT_EQ(admission.active_of("a"), 3);
  }
  EXPECT_EQ(admission.active(), 0);
  EXPECT_EQ(admission.active_of("a"), 0);
  EXPECT_TRUE(admission.Admit(3, "b").ok());
}

TEST(Admission, AMovedGrantHoldsOnce) {
  Admission admission(1);
  auto grant = admission.Admit(1, "a");
  {
    const Admission::Grant moved = *std::move(grant);
    EXPECT_EQ(admission.active(), 1);
  }
  EXPECT_EQ(admission.active(), 0);
}

TEST(Admission, KnowsWhoseRequestsRun) {
  Admission admission(8);
  const auto one = admission.Admit(1, "a");
  const auto two = admission.Admit(1, "a");
  const auto three = admission.Admit(1, "b");

  EXPECT_EQ(admission.active_of("a"), 2);
  EXPECT_EQ(admission.active_of("b"), 1);
  EXPECT_EQ(admission.active(), 3);
}

}  // namespace
}  // namespace chasqui::worker
