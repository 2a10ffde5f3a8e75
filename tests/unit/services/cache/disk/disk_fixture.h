// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"

namespace chasqui::cache {

// A directory of the test's own, gone with it.
class TempDir {
 public:
  TempDir() {
    std::string name = absl::StrCat(::testing::TempDir(), "/chasqui-disk-XXXXXX");
    CHECK_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  // Of a database in it; not made yet.
  std::string database() const { return path_ + "/answers"; }
  const std::string& path() const { return path_; }

  std::uint64_t FileBytes() const {
    std::uint64_t bytes = 0;
    std::error_code gone;  // RocksDB removes files meanwhile
    for (const auto& entry : std::filesystem::recursive_directory_iterator(database(), gone)) {
      const std::uint64_t size = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
      if (!gone) bytes += size;
    }
    return bytes;
  }

 private:
  std::string path_;
};

// While it lives no file of this process grows: each write beyond its end fails, as on a full disk.
class FullDisk {
 public:
  FullDisk() : handler_(signal(SIGXFSZ, SIG_IGN)) {
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit none = {.rlim_cur = 0, .rlim_max = before_.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  ~FullDisk() {
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before_), 0);
    signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_;
};

// Turns bits in the middle of each file whose name ends in `suffix`; how many files.
inline int Damage(const std::string& directory, std::string_view suffix) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (!entry.path().filename().string().ends_with(suffix)) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(entry.file_size() / 2);
    char byte = 0;
    file.seekg(middle).read(&byte, 1);
    byte = static_cast<char>(byte ^ 0x55);
    file.seekp(middle).write(&byte, 1);
    ++files;
  }
  return files;
}

}  // namespace chasqui::cache
