// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include <stdlib.h>

#include "absl/log/check.h"

namespace chasqui::cache {

// A folder of its own for each test, removed with what was moved beside it.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "chasqui-disk-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    root_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(root_); }

  std::string path() const { return root_ + "/answers"; }

 private:
  std::string root_;
};

}  // namespace chasqui::cache
