// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/telemetry/pci_id.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace chasqui::worker {

std::string NormalizePciId(std::string_view id) {
  constexpr std::string_view kPattern = "xxxx:xx:xx.x";
  constexpr std::size_t kLongDomain = 8;
  // A domain that needs more than four digits stays as it is.
  if (id.find(':') == kLongDomain && id.starts_with("0000")) id.remove_prefix(4);
  std::string_view rest = id;
  if (id.find(':') == kLongDomain) rest.remove_prefix(4);
  const bool fits = std::ranges::equal(rest, kPattern, [](unsigned char c, char of_pattern) {
    return of_pattern == 'x' ? absl::ascii_isxdigit(c) : c == of_pattern;
  });
  const bool domain = std::ranges::all_of(id.substr(0, id.size() - rest.size()),
                                          [](unsigned char c) { return absl::ascii_isxdigit(c); });
  return fits && domain ? absl::AsciiStrToLower(id) : "";
}

}  // namespace chasqui::worker
