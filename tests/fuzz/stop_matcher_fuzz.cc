// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/log/check.h"
#include "absl/strings/str_split.h"
#include "services/inference-worker/text/stop_matcher.h"

namespace chasqui::worker {
namespace {

struct Found {
  std::optional<std::string> stop;
  std::string before;

  bool operator==(const Found&) const = default;
};

// The stop string that is complete first; of those complete with the same byte, the longest.
Found Naive(const std::vector<std::string>& stops, std::string_view text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::optional<std::string> longest;
    for (const auto& stop : stops) {
      if (text.substr(0, end).ends_with(stop) && (!longest || stop.size() > longest->size()))
        longest = stop;
    }
    if (longest) return {longest, std::string(text.substr(0, end - longest->size()))};
  }
  return {std::nullopt, std::string(text)};
}

// `text` in pieces whose lengths `cuts` gives.
Found Matched(const std::vector<std::string>& stops, std::string_view text, std::string_view cuts) {
  StopMatcher matcher(stops);
  Found found;
  for (std::size_t at = 0, i = 0; at < text.size(); ++i) {
    const std::size_t size =
        cuts.empty() ? 1 : 1 + static_cast<unsigned char>(cuts[i % cuts.size()]) % 8;
    if (const auto stop = matcher.Push(text.substr(at, size), found.before)) {
      found.stop = stops[*stop];
      return found;
    }
    at += size;
  }
  matcher.Finish(found.before);
  return found;
}

}  // namespace
}  // namespace chasqui::worker

// Lines: the stop strings; then, after an empty line, the lengths of pieces and the text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using chasqui::worker::Matched;
  using chasqui::worker::Naive;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto middle = input.find("\n\n");
  if (size > 4096 || middle == std::string_view::npos) return 0;
  const std::vector<std::string> stops =
      absl::StrSplit(input.substr(0, middle), '\n', absl::SkipEmpty());
  if (stops.empty() || stops.size() > 16) return 0;
  const std::string_view rest = input.substr(middle + 2);
  const auto line = rest.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string_view text = rest.substr(line + 1);
  CHECK(Matched(stops, text, rest.substr(0, line)) == Naive(stops, text));
  return 0;
}
