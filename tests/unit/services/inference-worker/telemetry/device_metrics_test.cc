// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/telemetry/device_metrics.h"

#include <gtest/gtest.h>

#include "gmock/gmock.h"
#include "tests/support/wait_until.h"
#include "tests/unit/services/inference-worker/telemetry/sysfs_tree.h"

namespace chasqui::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPlace[] = "0000:03:00.0";

class DeviceMetricsTest : public ::testing::Test {
 protected:
  DeviceMetricsTest() { tree_.Write(kPlace, "gpu_busy_percent", "42\n"); }

  DeviceTelemetry::Sources Sources() const {
    return {.devices = {{.name = "GPU0",
                         .description = "",
                         .type = GGML_BACKEND_DEVICE_TYPE_GPU,
                         .device_id = kPlace}},
            .memory = [](const DeviceInfo&) { return DeviceMemory{1000, 400}; },
            .nvml_library = CHASQUI_FAKE_NVML,
            .root = tree_.root(),
            .interval = std::chrono::milliseconds(1)};
  }

  const SysfsTree tree_;
  observability::Metrics metrics_{"test"};
};

TEST_F(DeviceMetricsTest, ShowWhatTheDriverTells) {
  const DeviceTelemetry telemetry(Sources(), {});
  const DeviceMetrics shown(metrics_, telemetry);

  EXPECT_THAT(metrics_.Text(),
              AllOf(HasSubstr("chasqui_worker_device_memory_total_bytes{device=\"GPU0\"} 1000\n"),
                    HasSubstr("chasqui_worker_device_memory_free_bytes{device=\"GPU0\"} 400\n"),
                    HasSubstr("chasqui_worker_device_memory_used_bytes{device=\"GPU0\"} 600\n"),
                    HasSubstr("chasqui_worker_device_utilization_ratio{device=\"GPU0\"} 0.42\n"),
                    Not(HasSubstr("chasqui_worker_device_temperature_celsius{"))));
}

TEST_F(DeviceMetricsTest, DropASeriesThatIsNotToldAnyMore) {
  const DeviceTelemetry telemetry(Sources(), {});
  const DeviceMetrics shown(metrics_, telemetry);
  ASSERT_THAT(metrics_.Text(), HasSubstr("chasqui_worker_device_utilization_ratio{"));

  tree_.Write(kPlace, "gpu_busy_percent", "none\n");

  EXPECT_TRUE(testing::WaitUntil(
      [&] { return !metrics_.Text().contains("chasqui_worker_device_utilization_ratio{"); }));
}

}  // namespace
}  // namespace chasqui::worker
