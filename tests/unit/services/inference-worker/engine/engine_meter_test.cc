// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/engine_meter.h"

#include <chrono>

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

using std::chrono::milliseconds;

StepReport Step(milliseconds duration) {
  return {.sequences = 8, .generated_tokens = 8, .duration = duration};
}

TEST(EngineMeter, TakesTheFastestStepOfTheWarmUp) {
  EngineMeter meter(8);

  meter.OnWarmUp(Step(milliseconds(80)));  // disturbed
  meter.OnWarmUp(Step(milliseconds(8)));
  meter.OnWarmUp(Step(milliseconds(40)));

  EXPECT_DOUBLE_EQ(meter.decode_rate(), 1000);
  EXPECT_EQ(meter.generated_tokens(), 0);
}

TEST(EngineMeter, FollowsWhatIsMeasuredAfterIt) {
  EngineMeter meter(8);
  meter.OnWarmUp(Step(milliseconds(8)));

  for (int i = 0; i < 100; ++i) meter.OnStep(Step(milliseconds(16)));

  EXPECT_NEAR(meter.decode_rate(), 500, 1);
  EXPECT_EQ(meter.generated_tokens(), 800);
}

TEST(EngineMeter, MeasuresNoDecodingWithFewSlotsBusy) {
  EngineMeter meter(8);

  meter.OnStep({.sequences = 5, .generated_tokens = 5, .duration = milliseconds(1)});

  EXPECT_EQ(meter.decode_rate(), 0);
}

}  // namespace
}  // namespace chasqui::worker
