// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/log_capture.h"

#include <utility>

#include <llama.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"

namespace chasqui::synth {

LogCapture::LogCapture(Listener listener) : listener_(std::move(listener)) {
  llama_log_get(&previous_, &previous_data_);
  llama_log_set(&LogCapture::OnLog, this);
}

LogCapture::~LogCapture() { llama_log_set(previous_, previous_data_); }

std::string LogCapture::Errors(std::string otherwise) const {
  absl::MutexLock lock(mutex_);
  if (errors_.empty()) return otherwise;
  return absl::StrReplaceAll(absl::StripAsciiWhitespace(errors_), {{"\n", "; "}});
}

void LogCapture::OnLog(ggml_log_level level, const char* text, void* self) {
  auto& capture = *static_cast<LogCapture*>(self);
  if (capture.listener_) capture.listener_(text);
  absl::MutexLock lock(capture.mutex_);
  if (level != GGML_LOG_LEVEL_CONT) capture.in_error_ = level == GGML_LOG_LEVEL_ERROR;
  if (capture.in_error_) capture.errors_ += text;
}

}  // namespace chasqui::synth
