// SPDX-License-Identifier: Apache-2.0
#include "common/config/checks.h"

#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/config/scalar.h"

namespace chasqui::config {
namespace {

bool IsAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view host = text.substr(0, colon);
  // An IPv6 address holds colons itself and therefore needs its brackets.
  const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
  if (!is_bracketed && host.contains(':')) return false;
  if (host.find_first_of(" \t/") != std::string_view::npos) return false;
  std::uint32_t port = 0;
  return absl::SimpleAtoi(text.substr(colon + 1), &port) && port <= 65535;
}

}  // namespace

void Checks::Range(std::string_view path, const google::protobuf::Duration& value,
                   std::chrono::nanoseconds least, std::chrono::nanoseconds most) {
  const std::chrono::nanoseconds duration = FromProto(value);
  if (duration >= least && duration <= most) return;
  Require(false, path,
          absl::StrCat("must be from ", FormatDuration(least), " to ", FormatDuration(most),
                       ", not ", FormatDuration(duration)));
}

void Checks::ByteRange(std::string_view path, std::uint64_t bytes, std::uint64_t least,
                       std::uint64_t most) {
  if (bytes >= least && bytes <= most) return;
  Require(false, path,
          absl::StrCat("must be from ", FormatByteSize(least), " to ", FormatByteSize(most),
                       ", not ", FormatByteSize(bytes)));
}

void Checks::NotEmpty(std::string_view path, std::string_view value) {
  Require(!value.empty(), path, "must be set");
}

void Checks::Address(std::string_view path, std::string_view value) {
  if (IsAddress(value)) return;
  Require(false, path, absl::StrCat("must be an address \"host:port\", not ", Quoted(value)));
}

void Checks::Count(std::string_view path, int count, int most) {
  if (count <= most) return;
  Require(false, path, absl::StrCat("must have at most ", most, " entries, not ", count));
}

void Checks::Require(bool holds, std::string_view path, std::string_view what) {
  if (!holds) problems_.Add(path, what);
}

void Checks::Add(Problems problems) {
  for (const std::string& line : std::move(problems).Take()) problems_.AddLine(line);
}

}  // namespace chasqui::config
