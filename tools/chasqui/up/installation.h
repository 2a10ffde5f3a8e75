// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "absl/status/statusor.h"

namespace chasqui::cli {

// Where the suite's programs and data lie, told from where this program lies: side by side in a
// build tree (build/<preset>/bin) or an installation (<prefix>/bin, <prefix>/share/chasqui). A
// value. Thread-compatible.
class Installation {
 public:
  // Of the running program.
  static absl::StatusOr<Installation> Find();

  explicit Installation(std::filesystem::path program) : program_(std::move(program)) {}

  // The running program itself.
  const std::filesystem::path& program() const { return program_; }

  // A program beside this one. NOT_FOUND says where it was looked for and what to do.
  absl::StatusOr<std::filesystem::path> Sibling(std::string_view name) const;

  // The small model that ships with the suite. NOT_FOUND names the folders that were looked in.
  absl::StatusOr<std::filesystem::path> DefaultModel() const;

 private:
  std::filesystem::path program_;
};

}  // namespace chasqui::cli
