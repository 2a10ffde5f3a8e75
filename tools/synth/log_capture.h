// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <ggml.h>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace chasqui::synth {

// Takes what libllama and ggml log while it lives, instead of letting it go to standard error, so
// that their reasons can be told. The log is global: at most one at a time. Thread-safe.
class LogCapture {
 public:
  // Told every piece of what is logged, as it comes, on the thread that logs; may be empty.
  using Listener = std::function<void(std::string_view text)>;

  explicit LogCapture(Listener listener = nullptr);
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  ~LogCapture();

  // The error lines so far, joined by "; ", or `otherwise` when there were none.
  std::string Errors(std::string otherwise) const;

 private:
  static void OnLog(ggml_log_level level, const char* text, void* self);

  const Listener listener_;
  ggml_log_callback previous_ = nullptr;
  void* previous_data_ = nullptr;
  mutable absl::Mutex mutex_;
  std::string errors_ ABSL_GUARDED_BY(mutex_);
  bool in_error_ ABSL_GUARDED_BY(mutex_) = false;  // of the line that is being continued
};

}  // namespace chasqui::synth
