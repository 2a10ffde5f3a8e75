// SPDX-License-Identifier: Apache-2.0
#include "common/observability/text_gatherer.h"

#include <utility>

namespace chasqui::observability {

TextGatherer::TextGatherer(time::Duration delay, std::size_t max_bytes,
                           absl::AnyInvocable<void(std::string)> hand_on)
    : max_bytes_(max_bytes), hand_on_(std::move(hand_on)) {
  thread_.emplace("log-gather", delay, [this] { HandOn(); });
}

TextGatherer::~TextGatherer() {
  thread_.reset();
  HandOn();
}

void TextGatherer::Add(std::string_view text) {
  absl::MutexLock lock(mutex_);
  if (gathered_.size() + text.size() > max_bytes_) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  gathered_ += text;
}

void TextGatherer::HandOn() {
  std::string texts;
  {
    absl::MutexLock lock(mutex_);
    if (gathered_.empty()) return;
    texts.swap(gathered_);
    // Who adds does not wait while it grows again.
    gathered_.reserve(texts.size());
  }
  hand_on_(std::move(texts));
}

}  // namespace chasqui::observability
