// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/memory_room.h"

#include <vector>

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

const std::vector<GpuRoom> kGpus = {{.name = "CUDA0", .free_bytes = 100},
                                    {.name = "CUDA1", .free_bytes = 20},
                                    {.name = "Vulkan2", .free_bytes = 3, .integrated = true}};

config::v1::EngineConfig Engine(int gpu_layers, const std::vector<std::string>& devices = {}) {
  config::v1::EngineConfig engine;
  engine.set_gpu_layers(gpu_layers);
  engine.mutable_devices()->Add(devices.begin(), devices.end());
  return engine;
}

TEST(FreeOnGpus, IsThatOfAllWithMemoryOfTheirOwn) { EXPECT_EQ(FreeOnGpus(Engine(-1), kGpus), 120); }

TEST(FreeOnGpus, IsThatOfTheDevicesNamed) {
  EXPECT_EQ(FreeOnGpus(Engine(-1, {"CUDA1"}), kGpus), 20);
  EXPECT_EQ(FreeOnGpus(Engine(8, {"CUDA1", "Vulkan2"}), kGpus), 20);
  EXPECT_EQ(FreeOnGpus(Engine(-1, {"CPU"}), kGpus), 0);
}

TEST(FreeOnGpus, IsNothingWhereNoLayerGoesToThem) {
  EXPECT_EQ(FreeOnGpus(Engine(0), kGpus), 0);
  EXPECT_EQ(FreeOnGpus(Engine(-1), {}), 0);
}

TEST(MemoryRoom, LeavesTheMargin) {
  const auto all = MemoryRoom(Engine(0), 0);
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(MemoryRoom(Engine(0), std::uint64_t{1} << 60), 0);
  EXPECT_GT(*all, 0);
}

}  // namespace
}  // namespace chasqui::worker
