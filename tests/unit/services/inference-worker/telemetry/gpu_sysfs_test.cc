// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/telemetry/gpu_sysfs.h"

#include <gtest/gtest.h>

#include "tests/unit/services/inference-worker/telemetry/sysfs_tree.h"

namespace chasqui::worker {
namespace {

constexpr char kPlace[] = "0000:03:00.0";

class GpuSysfs : public ::testing::Test {
 protected:
  DeviceReading Read(std::string_view place = kPlace) const {
    return ReadGpuSysfs(tree_.root(), place);
  }

  const SysfsTree tree_;
};

TEST_F(GpuSysfs, TellsTemperatureAndUtilization) {
  tree_.Write(kPlace, "gpu_busy_percent", "42\n");
  tree_.Write(kPlace, "hwmon/hwmon3/temp1_input", "56500\n");
  tree_.Write(kPlace, "hwmon/hwmon3/temp2_input", "71000\n");

  EXPECT_EQ(Read(), (DeviceReading{.temperature_celsius = 56.5, .utilization = 0.42}));
}

TEST_F(GpuSysfs, TakesTheFirstSensorThereIs) {
  tree_.Write(kPlace, "hwmon/hwmon0/name", "xe\n");
  tree_.Write(kPlace, "hwmon/hwmon0/temp2_input", "48000\n");

  EXPECT_EQ(Read(), (DeviceReading{.temperature_celsius = 48}));
}

TEST_F(GpuSysfs, TellsAnIdleDeviceFromOneThatDoesNotTell) {
  EXPECT_EQ(Read(), DeviceReading{});

  tree_.Write(kPlace, "gpu_busy_percent", "0\n");

  EXPECT_EQ(Read(), (DeviceReading{.utilization = 0}));
}

TEST_F(GpuSysfs, KnowsNothingWithoutAPlace) {
  tree_.Write("", "gpu_busy_percent", "42\n");

  EXPECT_EQ(Read(""), DeviceReading{});
}

TEST_F(GpuSysfs, PassesOverWhatIsNoNumber) {
  tree_.Write(kPlace, "gpu_busy_percent", "busy\n");
  tree_.Write(kPlace, "hwmon/hwmon0/temp1_input", "");

  EXPECT_EQ(Read(), DeviceReading{});
}

}  // namespace
}  // namespace chasqui::worker
