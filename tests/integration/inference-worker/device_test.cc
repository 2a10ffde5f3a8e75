// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <gtest/gtest.h>

#include "gmock/gmock.h"
#include "tests/integration/inference-worker/worker_fixture.h"
#include "tests/support/wait_until.h"

namespace chasqui::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class WorkerDevices : public WorkerFixture {
 protected:
  // A card that tells everything, one that tells its temperature, and the processor.
  WorkerDevices() {
    const auto card = [](std::string name, std::string place) {
      return DeviceInfo{.name = std::move(name),
                        .description = "a card",
                        .type = GGML_BACKEND_DEVICE_TYPE_GPU,
                        .device_id = std::move(place)};
    };
    devices_ = {.devices = {card("CUDA0", "0000:c1:00.0"),
                            card("CUDA1", "0000:c2:00.0"),
                            {.name = "CPU", .description = "a processor"}},
                .memory = [](const DeviceInfo&) { return DeviceMemory{1000, 400}; },
                .nvml_library = CHASQUI_FAKE_NVML};
  }
};

TEST_F(WorkerDevices, AreToldByGetStatus) {
  StartWorker();

  const auto status = WorkerStatus();

  ASSERT_EQ(status.devices_size(), 3);
  EXPECT_EQ(status.devices(0).name(), "CUDA0");
  EXPECT_EQ(status.devices(0).type(), fleet::v1::DEVICE_TYPE_GPU);
  EXPECT_EQ(status.devices(0).memory_total_bytes(), std::uint64_t{80} << 30);
  EXPECT_EQ(status.devices(0).memory_free_bytes(), std::uint64_t{50} << 30);
  EXPECT_EQ(status.devices(0).temperature_celsius(), 61);
  EXPECT_EQ(status.devices(0).utilization(), 0.37);
  EXPECT_EQ(status.devices(1).temperature_celsius(), 40);
  EXPECT_FALSE(status.devices(1).has_utilization());
  EXPECT_EQ(status.devices(1).memory_free_bytes(), 400);
  EXPECT_FALSE(status.devices(2).has_temperature_celsius());
  EXPECT_FALSE(status.devices(2).has_utilization());
}

TEST_F(WorkerDevices, TellsMemoryOfTheProcessorThatIsInUse) {
  devices_.reset();
  StartWorker();

  const auto devices = WorkerStatus().devices();
  const auto processor = std::ranges::find(devices, "CPU", &fleet::v1::Device::name);

  ASSERT_NE(processor, devices.end());
  EXPECT_GT(processor->memory_free_bytes(), 0);
  EXPECT_LT(processor->memory_free_bytes(), processor->memory_total_bytes());
}

TEST_F(WorkerDevices, AreInLoadReports) {
  StartWorker();

  const auto load = WorkerStatus().load();

  ASSERT_EQ(load.devices_size(), 3);
  EXPECT_EQ(load.devices(0).name(), "CUDA0");
  EXPECT_EQ(load.devices(0).memory_free_bytes(), std::uint64_t{50} << 30);
  EXPECT_EQ(load.devices(0).temperature_celsius(), 61);
  EXPECT_EQ(load.devices(0).utilization(), 0.37);
  EXPECT_FALSE(load.devices(2).has_temperature_celsius());
}

TEST_F(WorkerDevices, HaveGaugesForWhatTheyTell) {
  StartWorker();

  EXPECT_THAT(metrics_->Text(),
              AllOf(HasSubstr("chasqui_worker_device_temperature_celsius{device=\"CUDA0\"} 61\n"),
                    HasSubstr("chasqui_worker_device_temperature_celsius{device=\"CUDA1\"} 40\n"),
                    Not(HasSubstr("chasqui_worker_device_temperature_celsius{device=\"CPU\"}")),
                    HasSubstr("chasqui_worker_device_utilization_ratio{device=\"CUDA0\"} 0.37\n"),
                    Not(HasSubstr("chasqui_worker_device_utilization_ratio{device=\"CUDA1\"}")),
                    HasSubstr("chasqui_worker_device_memory_used_bytes{device=\"CPU\"} 600\n")));
}

}  // namespace
}  // namespace chasqui::worker
