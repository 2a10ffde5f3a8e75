// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/client/files.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"

namespace chasqui::cli {
namespace {

constexpr std::size_t kMostBytes = 64 << 20;

absl::Status SystemError(const char* what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

absl::StatusOr<std::string> ReadAll(std::FILE* file, const std::string& path) {
  std::string text;
  std::array<char, 1 << 16> block;
  while (const std::size_t n = std::fread(block.data(), 1, block.size(), file)) {
    text.append(block.data(), n);
    if (text.size() > kMostBytes) {
      return absl::InvalidArgumentError(absl::StrCat(path, " is longer than 64 MiB"));
    }
  }
  if (std::ferror(file) != 0) return SystemError("cannot read", path);
  return text;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  if (path == "-") return ReadAll(stdin, "standard input");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (file == nullptr) return SystemError("cannot open", path);
  return ReadAll(file.get(), path);
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  const std::string partial = absl::StrCat(path, ".partial");
  std::FILE* file = std::fopen(partial.c_str(), "wbe");
  if (file == nullptr) return SystemError("cannot write", path);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if ((std::fclose(file) != 0) || !written) return SystemError("cannot write", path);
  if (std::rename(partial.c_str(), path.c_str()) != 0) return SystemError("cannot write", path);
  return absl::OkStatus();
}

}  // namespace chasqui::cli
