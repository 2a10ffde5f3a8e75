// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/shape.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"

namespace chasqui::synth {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using testing::AllOf;
using testing::HasSubstr;

TEST(Presets, AreValidAndAsLargeAsTheirNamesSay) {
  for (const Preset& preset : Presets()) {
    const double millions = std::stod(std::string(preset.name.substr(1)));

    EXPECT_THAT(Validate(preset.shape), IsOk()) << preset.name;
    EXPECT_NEAR(static_cast<double>(ParameterCount(preset.shape)) / 1e6, millions, millions * 0.04)
        << preset.name;
  }
}

TEST(PresetShape, NamesThosePresentWhenItIsUnknown) {
  EXPECT_THAT(PresetShape("m7"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("m15, m125")));
}

TEST(Validate, TellsEveryProblemAtOnce) {
  const ModelShape shape{.layers = 0, .heads = 3, .vocabulary = 258, .context = 1};

  EXPECT_THAT(Validate(shape),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("layers is 0"), HasSubstr("multiple of twice the heads"),
                             HasSubstr("vocabulary is 258"), HasSubstr("context is 1"))));
}

TEST(Validate, RefusesHeadsThatDoNotShareKeysEvenly) {
  EXPECT_THAT(Validate({.heads = 4, .kv_heads = 3}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("multiple of kv_heads")));
}

}  // namespace
}  // namespace chasqui::synth
