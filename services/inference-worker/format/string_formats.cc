// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/string_formats.h"

#include "absl/strings/str_cat.h"

namespace chasqui::worker {
namespace {

// Gregorian, from year 1 on; 29 February in leap years only.
std::string Date() {
  constexpr std::string_view kYear = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})";
  constexpr std::string_view kLeapYear =
      "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)";
  return absl::StrCat("(?:", kYear,
                      "-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|"
                      "[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|",
                      kLeapYear, "-02-29)");
}

constexpr std::string_view kTime =
    "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?"
    "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
constexpr std::string_view kLabel = "[a-z0-9](?:[a-z0-9]{0,20}[a-z0-9])?";
constexpr std::string_view kByte = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

std::string Hostname() { return absl::StrCat(kLabel, "(?:\\.", kLabel, "){0,4}"); }

}  // namespace

std::optional<std::string> StringFormatRegex(std::string_view format) {
  if (format == "date") return Date();
  if (format == "time") return std::string(kTime);
  if (format == "date-time") return absl::StrCat(Date(), "T", kTime);
  if (format == "uuid") return "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
  if (format == "hostname") return Hostname();
  if (format == "email")
    return absl::StrCat("[A-Za-z0-9_+-]{1,32}(?:\\.[A-Za-z0-9_+-]{1,16}){0,2}@", Hostname());
  if (format == "ipv4") return absl::StrCat("(?:", kByte, "\\.){3}", kByte);
  if (format == "ipv6") return "(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}";
  return std::nullopt;
}

}  // namespace chasqui::worker
