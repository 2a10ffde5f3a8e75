// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/telemetry/device_telemetry.h"

#include <gtest/gtest.h>

#include "tests/support/wait_until.h"
#include "tests/unit/services/inference-worker/telemetry/sysfs_tree.h"

namespace chasqui::worker {
namespace {

using namespace std::chrono_literals;

constexpr DeviceMemory kOfBackend{.total_bytes = 1000, .free_bytes = 400};

DeviceInfo Gpu(std::string id, std::string description = "a card") {
  return {.name = "GPU0",
          .description = std::move(description),
          .type = GGML_BACKEND_DEVICE_TYPE_GPU,
          .device_id = std::move(id)};
}

class DeviceTelemetryTest : public ::testing::Test {
 protected:
  DeviceTelemetry::Sources Sources(DeviceInfo device) const {
    return {.devices = {std::move(device)},
            .memory = [](const DeviceInfo&) { return kOfBackend; },
            .nvml_library = CHASQUI_FAKE_NVML,
            .root = tree_.root()};
  }
  DeviceState Read(const DeviceTelemetry::Sources& sources) const {
    const DeviceTelemetry telemetry(sources, {});
    return telemetry.Devices().at(0);
  }

  const SysfsTree tree_;
};

TEST_F(DeviceTelemetryTest, AsksNvmlOfACardOfNvidias) {
  const DeviceState state = Read(Sources(Gpu("0000:C1:00.0")));

  EXPECT_EQ(state.info.name, "GPU0");
  EXPECT_EQ(state.temperature_celsius, 61);
  EXPECT_EQ(state.utilization, 0.37);
  EXPECT_EQ(state.memory.total_bytes, std::size_t{80} << 30);
}

TEST_F(DeviceTelemetryTest, GoesByTheNameWhereTheBackEndKnowsNoPlace) {
  EXPECT_EQ(Read(Sources(Gpu("", "NVIDIA Alone"))).temperature_celsius, 61);
  EXPECT_EQ(Read(Sources(Gpu("", "NVIDIA Twin"))).temperature_celsius, std::nullopt);
}

TEST_F(DeviceTelemetryTest, AsksSysfsOfAnyOther) {
  tree_.Write("0000:03:00.0", "gpu_busy_percent", "42\n");

  const DeviceState state = Read(Sources(Gpu("0000:03:00.0")));

  EXPECT_EQ(state.utilization, 0.42);
  EXPECT_EQ(state.temperature_celsius, std::nullopt);
  EXPECT_EQ(state.memory, kOfBackend);
}

TEST_F(DeviceTelemetryTest, DoesWithoutNvml) {
  tree_.Write("0000:c1:00.0", "hwmon/hwmon0/temp1_input", "30000\n");
  auto sources = Sources(Gpu("0000:c1:00.0"));
  sources.nvml_library = CHASQUI_FAKE_NVML_WITHOUT_DRIVER;

  const DeviceState state = Read(sources);

  EXPECT_EQ(state.temperature_celsius, 30);
  EXPECT_EQ(state.memory, kOfBackend);
}

TEST_F(DeviceTelemetryTest, TellsOnlyTheMemoryOfAProcessor) {
  const DeviceState state = Read(Sources({.name = "CPU", .description = "NVIDIA Alone"}));

  EXPECT_EQ(state.memory, kOfBackend);
  EXPECT_EQ(state.temperature_celsius, std::nullopt);
  EXPECT_EQ(state.utilization, std::nullopt);
}

TEST_F(DeviceTelemetryTest, ReadsAgainAndAgain) {
  tree_.Write("0000:03:00.0", "gpu_busy_percent", "42\n");
  auto sources = Sources(Gpu("0000:03:00.0"));
  sources.interval = 1ms;
  const DeviceTelemetry telemetry(sources, {});
  ASSERT_EQ(telemetry.Devices().at(0).utilization, 0.42);

  tree_.Write("0000:03:00.0", "gpu_busy_percent", "7\n");

  EXPECT_TRUE(testing::WaitUntil([&] { return telemetry.Devices().at(0).utilization == 0.07; }));
}

}  // namespace
}  // namespace chasqui::worker
