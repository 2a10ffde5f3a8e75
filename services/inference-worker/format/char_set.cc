// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/char_set.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace chasqui::worker {
namespace {

constexpr std::uint32_t kLastChar = 0x10FFFF;
constexpr std::uint32_t kFirstSurrogate = 0xD800;
constexpr std::uint32_t kLastSurrogate = 0xDFFF;

void AppendChar(std::uint32_t c, std::string& gbnf) {
  if (c < 0x80 && absl::ascii_isalnum(static_cast<unsigned char>(c))) {
    gbnf.push_back(static_cast<char>(c));
  } else if (c < 0x80) {
    absl::StrAppendFormat(&gbnf, "\\x%02X", c);
  } else if (c < 0x10000) {
    absl::StrAppendFormat(&gbnf, "\\u%04X", c);
  } else {
    absl::StrAppendFormat(&gbnf, "\\U%08X", c);
  }
}

}  // namespace

CharSet::CharSet(std::vector<Range> ranges) {
  std::vector<Range> valid;
  for (Range r : ranges) {
    r.first = std::max(r.first, 1U);
    r.last = std::min(r.last, kLastChar);
    const Range below{r.first, std::min(r.last, kFirstSurrogate - 1)};
    const Range above{std::max(r.first, kLastSurrogate + 1), r.last};
    for (const Range& part : {below, above}) {
      if (part.first <= part.last) valid.push_back(part);
    }
  }
  std::ranges::sort(valid, {}, &Range::first);
  for (const Range& r : valid) {
    if (!ranges_.empty() && r.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, r.last);
    } else {
      ranges_.push_back(r);
    }
  }
}

CharSet CharSet::All() { return CharSet({{1, kLastChar}}); }

CharSet CharSet::Union(const CharSet& other) const {
  std::vector<Range> ranges = ranges_;
  ranges.insert(ranges.end(), other.ranges_.begin(), other.ranges_.end());
  return CharSet(std::move(ranges));
}

CharSet CharSet::Complement() const {
  std::vector<Range> gaps;
  std::uint32_t next = 1;
  for (const Range& r : ranges_) {
    if (r.first > next) gaps.push_back({next, r.first - 1});
    next = r.last + 1;
  }
  if (next <= kLastChar) gaps.push_back({next, kLastChar});
  return CharSet(std::move(gaps));
}

CharSet CharSet::Intersection(const CharSet& other) const {
  return Complement().Union(other.Complement()).Complement();
}

bool CharSet::Contains(std::uint32_t c) const {
  return std::ranges::any_of(ranges_, [c](const Range& r) { return r.first <= c && c <= r.last; });
}

std::string CharSet::ToGbnf() const {
  std::string gbnf = "[";
  for (const Range& r : ranges_) {
    AppendChar(r.first, gbnf);
    if (r.last == r.first) continue;
    gbnf.push_back('-');
    AppendChar(r.last, gbnf);
  }
  gbnf.push_back(']');
  return gbnf;
}

}  // namespace chasqui::worker
