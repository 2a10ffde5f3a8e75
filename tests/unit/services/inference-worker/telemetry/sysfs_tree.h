// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace chasqui::worker {

// A folder that a test fills as the kernel fills /sys. Gone with the test.
class SysfsTree {
 public:
  SysfsTree()
      : root_(std::filesystem::path(::testing::TempDir()) /
              absl::StrCat("sysfs.", getpid(), ".",
                           ::testing::UnitTest::GetInstance()->current_test_info()->name())) {}
  ~SysfsTree() { std::filesystem::remove_all(root_); }

  const std::filesystem::path& root() const { return root_; }

  // `file` is relative to the folder of the device at `pci_id`.
  void Write(std::string_view pci_id, std::string_view file, std::string_view text) const {
    const auto path = root_ / "sys/bus/pci/devices" / pci_id / file;
    std::filesystem::create_directories(path.parent_path());
    // Whole or not at all, as the kernel gives it to a reader beside this.
    const std::string draft = path.string() + ".draft";
    std::ofstream(draft) << text;
    std::filesystem::rename(draft, path);
  }

 private:
  const std::filesystem::path root_;
};

}  // namespace chasqui::worker
