// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/load_options.h"

#include <limits>

#include <gtest/gtest.h>

#include "gmock/gmock.h"
#include "services/inference-worker/model/backend.h"

namespace chasqui::worker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ChooseLoadMode, IsOneForAllSettings) {
  struct Case {
    bool mmap;
    bool mlock;
    bool direct_io;
    llama_load_mode mode;
  };
  constexpr Case kCases[] = {
      {true, false, false, LLAMA_LOAD_MODE_MMAP},
      {false, false, false, LLAMA_LOAD_MODE_NONE},
      {true, true, false, LLAMA_LOAD_MODE_MMAP_MLOCK},
      {false, true, false, LLAMA_LOAD_MODE_MLOCK},
      {true, false, true, LLAMA_LOAD_MODE_DIRECT_IO},
      {false, false, true, LLAMA_LOAD_MODE_DIRECT_IO},
  };
  for (const Case& c : kCases) {
    LoadOptions options;
    options.mmap = c.mmap;
    options.mlock = c.mlock;
    options.direct_io = c.direct_io;
    EXPECT_EQ(ChooseLoadMode(options), c.mode) << c.mmap << c.mlock << c.direct_io;
  }
}

TEST(FindDevices, TellsTheDevicesThereAreWhenOneIsNot) {
  const Backend backend;
  const std::string names[] = {"CPU", "Abacus0"};

  const auto devices = FindDevices(names);

  EXPECT_EQ(devices.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(devices.status().message()), HasSubstr("CPU"));
}

TEST(FindDevices, LeavesTheProcessorOut) {
  const Backend backend;
  const std::string names[] = {"CPU"};

  const auto devices = FindDevices(names);

  ASSERT_TRUE(devices.ok());
  EXPECT_THAT(*devices, ElementsAre(nullptr));
}

TEST(PadTensorSplit, GivesNothingToTheRest) {
  const float parts[] = {3, 1};

  EXPECT_THAT(PadTensorSplit(parts, 4).value(), ElementsAre(3, 1, 0, 0));
}

TEST(PadTensorSplit, RefusesPartsThatAreNone) {
  const float too_many[] = {1, 1, 1};
  const float negative[] = {1, -1};
  const float nothing[] = {0, 0};
  const float not_a_number[] = {1, std::numeric_limits<float>::quiet_NaN()};

  EXPECT_FALSE(PadTensorSplit(too_many, 2).ok());
  EXPECT_FALSE(PadTensorSplit(negative, 2).ok());
  EXPECT_FALSE(PadTensorSplit(nothing, 2).ok());
  EXPECT_FALSE(PadTensorSplit(not_a_number, 2).ok());
}

}  // namespace
}  // namespace chasqui::worker
