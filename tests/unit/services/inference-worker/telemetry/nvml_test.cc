// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/telemetry/nvml.h"

#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

using absl_testing::StatusIs;
using ::testing::HasSubstr;

class NvmlTest : public ::testing::Test {
 protected:
  const std::unique_ptr<Nvml> nvml_ = Nvml::Open(CHASQUI_FAKE_NVML).value();
};

TEST_F(NvmlTest, ReadsTheDeviceAtAPlace) {
  const auto reading = nvml_->Read("0000:c1:00.0", "whatever it is called");

  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->temperature_celsius, 61);
  EXPECT_EQ(reading->utilization, 0.37);
  EXPECT_EQ(reading->memory->total_bytes, std::size_t{80} << 30);
  EXPECT_EQ(reading->memory->free_bytes, std::size_t{50} << 30);
}

TEST_F(NvmlTest, LeavesOutWhatTheDeviceDoesNotTell) {
  const auto reading = nvml_->Read("0000:c2:00.0", "");

  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->temperature_celsius, 40);
  EXPECT_EQ(reading->utilization, std::nullopt);
  EXPECT_EQ(reading->memory, std::nullopt);
}

TEST_F(NvmlTest, TellsAnIdleDeviceFromOneThatDoesNotTell) {
  const auto reading = nvml_->Read("0000:c3:00.0", "");

  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->utilization, 0);
  EXPECT_EQ(reading->memory->free_bytes, 0);
}

TEST_F(NvmlTest, GoesByTheNameWhereThePlaceIsNotKnown) {
  EXPECT_EQ(nvml_->Read("", "NVIDIA Alone")->temperature_celsius, 61);
}

TEST_F(NvmlTest, DoesNotGuessAmongDevicesOfOneName) {
  EXPECT_EQ(nvml_->Read("", "NVIDIA Twin"), std::nullopt);
}

TEST_F(NvmlTest, KnowsNothingOfOthersDevices) {
  EXPECT_EQ(nvml_->Read("0000:03:00.0", "NVIDIA Alone"), std::nullopt);
  EXPECT_EQ(nvml_->Read("", "AMD Radeon"), std::nullopt);
  EXPECT_EQ(nvml_->Read("", ""), std::nullopt);
}

TEST(NvmlOpen, TellsWhyThereIsNone) {
  EXPECT_THAT(Nvml::Open("libno-such-library.so.9"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("libno-such-library.so.9")));
  EXPECT_THAT(Nvml::Open("libm.so.6"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("has no nvmlInit_v2")));
  EXPECT_THAT(Nvml::Open(CHASQUI_FAKE_NVML_WITHOUT_DRIVER),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("Driver Not Loaded")));
}

}  // namespace
}  // namespace chasqui::worker
