// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/load.h"
#include "common/config/problems.h"
#include "gtest/gtest.h"
#include "tests/unit/common/config/testing_config.pb.h"

namespace chasqui::config {

// Loads `sources` onto `config` and returns the problems.
inline std::vector<std::string> LoadProblems(const Sources& sources,
                                             testing::TestingConfig& config) {
  Problems problems;
  Load(sources, config, problems);
  return std::move(problems).Take();
}

// A file of the test's own, gone with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text)
      : path_(::testing::TempDir() + "config_test_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".yaml") {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// The problems of a YAML text, without the name of the file: "3: queue.shift: must be ...".
inline std::vector<std::string> YamlProblems(std::string_view text,
                                             testing::TestingConfig& config) {
  const TemporaryFile file(text);
  std::vector<std::string> problems = LoadProblems({.file = file.path()}, config);
  for (std::string& problem : problems) {
    if (problem.starts_with(file.path())) problem.erase(0, file.path().size() + 1);
  }
  return problems;
}

}  // namespace chasqui::config
