// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/processor_cores.h"

#include <fstream>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;

TEST(CountCores, CountsSiblingsOnce) {
  const fs::path root = fs::path(testing::TempDir()) / "processor_cores_test";
  const auto write = [&](int cpu, const char* siblings) {
    const fs::path folder =
        root / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu)) / "topology";
    fs::create_directories(folder);
    std::ofstream(folder / "thread_siblings_list") << siblings << "\n";
  };
  write(0, "0,2");
  write(1, "1,3");
  write(2, "0,2");
  write(3, "1,3");

  EXPECT_EQ(CountCores(std::vector<int>{0, 1, 2, 3}, root), 2);
  EXPECT_EQ(CountCores(std::vector<int>{0, 2}, root), 1);
  EXPECT_EQ(CountCores(std::vector<int>{0, 1, 8}, root), 3);
  fs::remove_all(root);
}

TEST(AvailableCores, AreAtLeastOne) { EXPECT_GE(AvailableCores(), 1); }

}  // namespace
}  // namespace chasqui::worker
