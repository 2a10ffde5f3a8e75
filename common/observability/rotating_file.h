// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace chasqui::observability {

// A file of lines that does not grow without bound: when it would exceed its size, "access.log"
// becomes "access.1.log", that "access.2.log" and so on, and the oldest is deleted. Lines
// are handed to the system at once. Owned by the log that writes to it; confined to that log's
// thread.
class RotatingFile {
 public:
  struct Options {
    std::string path;
    std::size_t max_bytes = 0;
    std::size_t kept_files = 0;  // beside the one that is written
  };

  // Appends to the file, which is made if need be, as are its folders. PERMISSION_DENIED and the
  // like, with the path, when that cannot be.
  static absl::StatusOr<std::unique_ptr<RotatingFile>> Open(const Options& options);
  ~RotatingFile();

  // One line or more, each with its end. What cannot be written, because the disk is full, is lost.
  void Write(std::string_view lines);

 private:
  class Sink;
  explicit RotatingFile(std::unique_ptr<Sink> sink);

  const std::unique_ptr<Sink> sink_;
};

}  // namespace chasqui::observability
