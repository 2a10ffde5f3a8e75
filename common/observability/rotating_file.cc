// SPDX-License-Identifier: Apache-2.0
#include "common/observability/rotating_file.h"

#include <exception>
#include <utility>

#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>

#include "absl/strings/str_cat.h"

namespace chasqui::observability {
namespace {

// Lines come ready.
class AsTheyAre final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    out.append(line.payload.data(), line.payload.data() + line.payload.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<AsTheyAre>();
  }
};

}  // namespace

class RotatingFile::Sink {
 public:
  explicit Sink(const Options& options)
      : file_(options.path, options.max_bytes, options.kept_files) {
    file_.set_formatter(std::make_unique<AsTheyAre>());
  }

  // A file is turned over between lines.
  void Write(std::string_view lines) {
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find('\n') + 1);
      lines.remove_prefix(line.empty() ? lines.size() : line.size());
      file_.log({"", spdlog::level::info, spdlog::string_view_t(line.data(), line.size())});
    }
    file_.flush();
  }

 private:
  spdlog::sinks::rotating_file_sink_st file_;
};

absl::StatusOr<std::unique_ptr<RotatingFile>> RotatingFile::Open(const Options& options) {
  try {
    return std::unique_ptr<RotatingFile>(new RotatingFile(std::make_unique<Sink>(options)));
  } catch (const std::exception& error) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot write '", options.path, "': ", error.what()));
  }
}

RotatingFile::RotatingFile(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}
RotatingFile::~RotatingFile() = default;

void RotatingFile::Write(std::string_view lines) {
  try {
    sink_->Write(lines);
  } catch (const std::exception&) {
    // The disk is full, or the file cannot be turned over: nobody is there to be told.
  }
}

}  // namespace chasqui::observability
