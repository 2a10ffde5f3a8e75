// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/memory_room.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

DeviceInfo Device(std::string name, enum ggml_backend_dev_type type, std::string id) {
  return {.name = std::move(name), .description = {}, .type = type, .device_id = std::move(id)};
}

const std::vector<DeviceInfo>& Devices() {
  static const auto& devices = *new std::vector<DeviceInfo>{
      Device("CPU", GGML_BACKEND_DEVICE_TYPE_CPU, ""),
      Device("CUDA0", GGML_BACKEND_DEVICE_TYPE_GPU, "0000:01:00.0"),
      Device("CUDA1", GGML_BACKEND_DEVICE_TYPE_GPU, "0000:02:00.0"),
      Device("Vulkan0", GGML_BACKEND_DEVICE_TYPE_GPU, "0000:01:00.0"),  // CUDA0 once more
      Device("Vulkan1", GGML_BACKEND_DEVICE_TYPE_IGPU, "0000:00:02.0")};
  return devices;
}

config::v1::EngineConfig Engine(int gpu_layers, const std::vector<std::string>& devices = {}) {
  config::v1::EngineConfig engine;
  engine.set_gpu_layers(gpu_layers);
  engine.mutable_devices()->Add(devices.begin(), devices.end());
  return engine;
}

std::vector<std::string> Names(const config::v1::EngineConfig& engine) {
  std::vector<std::string> names;
  for (const DeviceInfo& gpu : GpusFor(engine, Devices())) names.push_back(gpu.name);
  return names;
}

TEST(GpusFor, AreAllWithMemoryOfTheirOwnEachOnce) {
  EXPECT_THAT(Names(Engine(-1)), ElementsAre("CUDA0", "CUDA1"));
}

TEST(GpusFor, AreThoseNamed) {
  EXPECT_THAT(Names(Engine(-1, {"CUDA1"})), ElementsAre("CUDA1"));
  EXPECT_THAT(Names(Engine(8, {"Vulkan0", "Vulkan1"})), ElementsAre("Vulkan0"));
  EXPECT_THAT(Names(Engine(-1, {"CPU"})), IsEmpty());
}

TEST(GpusFor, AreNoneWhereNoLayerGoesToThem) { EXPECT_THAT(Names(Engine(0)), IsEmpty()); }

TEST(MemoryRoom, LeavesTheMargin) {
  const auto all = MemoryRoom(Engine(0), 0);
  ASSERT_TRUE(all.has_value());
  EXPECT_GT(*all, 0);
  EXPECT_EQ(MemoryRoom(Engine(0), std::uint64_t{1} << 60), 0);
}

}  // namespace
}  // namespace chasqui::worker
