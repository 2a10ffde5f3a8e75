// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/device_check.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "services/inference-worker/inference_worker_config.h"

namespace chasqui::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const DeviceInfo kCpu{.name = "CPU"};

DeviceInfo Gpu(std::string name, std::string id = "",
               enum ggml_backend_dev_type type = GGML_BACKEND_DEVICE_TYPE_GPU) {
  return {.name = std::move(name), .type = type, .device_id = std::move(id)};
}

std::vector<std::string> Problems(const char* change, std::span<const DeviceInfo> devices) {
  auto config = DefaultConfig();
  EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(change, &config)) << change;
  EXPECT_THAT(Validate(config), IsEmpty()) << change;
  std::vector<std::string> problems;
  for (const auto& violation : CheckDevices(config, devices))
    problems.push_back(absl::StrCat(violation.field, ": ", violation.description));
  return problems;
}

TEST(CheckDevices, TakesTheDefaultsOnAnyMachine) {
  const DeviceInfo two[] = {Gpu("CUDA0"), Gpu("CUDA1"), kCpu};

  EXPECT_THAT(Problems("", {&kCpu, 1}), IsEmpty());
  EXPECT_THAT(Problems("", two), IsEmpty());
}

TEST(CheckDevices, NamesTheDevicesThereAre) {
  const DeviceInfo devices[] = {Gpu("CUDA0"), kCpu};

  EXPECT_THAT(Problems("engine { devices: ['CUDA0', 'CUDA7'] }", devices),
              ElementsAre("engine.devices[1]: \"CUDA7\" is no device of this machine: CUDA0, CPU"));
  EXPECT_THAT(Problems("engine { devices: 'CPU' }", devices), IsEmpty());
}

TEST(CheckDevices, CountsPartsAndTheMainGpuAgainstTheDevicesInUse) {
  const DeviceInfo devices[] = {Gpu("CUDA0"), Gpu("CUDA1"), kCpu};

  EXPECT_THAT(Problems("engine { tensor_split: [1, 3] main_gpu: 1 }", devices), IsEmpty());
  EXPECT_THAT(Problems("engine { tensor_split: [1, 1, 1] }", devices),
              ElementsAre("engine.tensor_split: has 3 parts for 2 devices"));
  EXPECT_THAT(Problems("engine { main_gpu: 2 }", devices),
              ElementsAre("engine.main_gpu: must be below the number of devices, 2, not 2"));
  EXPECT_THAT(Problems("engine { devices: 'CUDA1' main_gpu: 1 }", devices),
              ElementsAre("engine.main_gpu: must be below the number of devices, 1, not 1"));
  EXPECT_THAT(Problems("engine { devices: ['CUDA1', 'CPU'] tensor_split: [1, 1] }", devices),
              ElementsAre("engine.tensor_split: has 2 parts for 1 devices"));
}

TEST(CheckDevices, CountsGpusAsLibllamaDoes) {
  const DeviceInfo shared[] = {Gpu("CUDA0", "0000:c1:00.0"), Gpu("Vulkan0", "0000:c1:00.0"),
                               Gpu("Vulkan1", "", GGML_BACKEND_DEVICE_TYPE_IGPU), kCpu};
  const DeviceInfo integrated[] = {Gpu("Vulkan0", "", GGML_BACKEND_DEVICE_TYPE_IGPU), kCpu};

  EXPECT_THAT(Problems("engine { tensor_split: [1, 1] }", shared),
              ElementsAre("engine.tensor_split: has 2 parts for 1 devices"));
  EXPECT_THAT(Problems("engine { tensor_split: 1 }", integrated), IsEmpty());
}

TEST(CheckDevices, LooksAtEachModelsOwnSettings) {
  const DeviceInfo devices[] = {Gpu("CUDA0"), kCpu};

  EXPECT_THAT(
      Problems("models { path: 'x' } models { path: 'y' engine { main_gpu: 3 } }", devices),
      ElementsAre("models[1].engine.main_gpu: must be below the number of devices, 1, not 3"));
}

}  // namespace
}  // namespace chasqui::worker
