// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/backend.h"

#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace chasqui::worker {
namespace {

// libllama's log callback says nothing about who asked; its loading and parsing log on the thread
// that called, so the thread is what tells whose lines they are.
thread_local LogCapture* current_capture = nullptr;

}  // namespace

std::vector<DeviceInfo> DistinctDevices(std::span<const DeviceInfo> devices,
                                        enum ggml_backend_dev_type type) {
  std::vector<DeviceInfo> distinct;
  std::set<std::string_view> seen;
  for (const DeviceInfo& device : devices) {
    if (device.type != type) continue;
    if (device.device_id.empty() || seen.insert(device.device_id).second)
      distinct.push_back(device);
  }
  return distinct;
}

Backend::Backend(LogSink sink, ggml_numa_strategy numa) : sink_(std::move(sink)) {
  llama_log_set(&Backend::OnLog, this);
  ggml_backend_load_all();
  llama_backend_init();
  llama_numa_init(numa);
}

Backend::~Backend() {
  llama_backend_free();
  // Not back to libllama's own: it writes to standard error.
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
}

std::vector<DeviceInfo> Backend::Devices() {
  std::vector<DeviceInfo> devices;
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_props properties{};
    ggml_backend_dev_get_props(ggml_backend_dev_get(i), &properties);
    const char* const id = properties.device_id;
    devices.push_back({.name = properties.name,
                       .description = properties.description,
                       .type = properties.type,
                       .device_id = id == nullptr ? "" : id});
  }
  return devices;
}

DeviceMemory Backend::MemoryOf(const std::string& name) {
  DeviceMemory memory;
  if (ggml_backend_dev_t device = ggml_backend_dev_by_name(name.c_str()))
    ggml_backend_dev_memory(device, &memory.free_bytes, &memory.total_bytes);
  return memory;
}

void Backend::OnLog(ggml_log_level level, const char* text, void* self) {
  static_cast<Backend*>(self)->Log(level, text);
}

void Backend::Log(ggml_log_level level, std::string_view text) {
  // Errors and warnings, and their continuations.
  if (current_capture != nullptr && level >= GGML_LOG_LEVEL_WARN) current_capture->Add(text);
  if (!sink_) return;

  std::vector<std::pair<ggml_log_level, std::string>> lines;
  {
    const std::lock_guard lock(mutex_);
    if (level != GGML_LOG_LEVEL_CONT) line_level_ = level;
    line_ += text;
    for (auto end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
      if (end > 0) lines.emplace_back(line_level_, line_.substr(0, end));
      line_.erase(0, end + 1);
    }
  }
  for (const auto& [line_level, line] : lines) sink_(line_level, line);
}

std::string Printable(std::string text) {
  for (char& c : text) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return text;
}

LogCapture::LogCapture() { current_capture = this; }

LogCapture::~LogCapture() { current_capture = nullptr; }

void LogCapture::Add(std::string_view text) {
  constexpr std::size_t kMost = 4096;
  text_ += text;
  if (text_.size() > kMost) text_.erase(0, text_.size() - kMost);
}

std::string LogCapture::Reason() const {
  constexpr std::size_t kMostLines = 4;
  std::vector<std::string> lines = absl::StrSplit(text_, '\n', absl::SkipWhitespace());
  if (lines.size() > kMostLines) lines.erase(lines.begin(), lines.end() - kMostLines);
  for (auto& line : lines) absl::StripAsciiWhitespace(&line);
  return Printable(absl::StrJoin(lines, "; "));
}

}  // namespace chasqui::worker
