// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/sse.h"

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

namespace chasqui::bench {

void SseReader::Feed(std::string_view piece,
                     absl::FunctionRef<void(std::string_view data)> on_event) {
  rest_.append(piece);
  std::string_view left = rest_;
  for (size_t end = left.find('\n'); end != std::string_view::npos; end = left.find('\n')) {
    std::string_view line = absl::StripTrailingAsciiWhitespace(left.substr(0, end));
    left.remove_prefix(end + 1);
    if (absl::ConsumePrefix(&line, "data:")) on_event(absl::StripLeadingAsciiWhitespace(line));
  }
  rest_.erase(0, rest_.size() - left.size());
}

}  // namespace chasqui::bench
