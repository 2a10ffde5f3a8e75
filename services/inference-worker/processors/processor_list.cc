// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/processors/processor_list.h"

#include <algorithm>
#include <iterator>
#include <set>

#include <sched.h>

#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace chasqui::worker {
namespace {

absl::StatusOr<int> ParseOne(std::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  int number = 0;
  const bool digits = !text.empty() && std::ranges::all_of(text, [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (digits && absl::SimpleAtoi(text, &number) && number < CPU_SETSIZE) return number;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no processor: they are numbers from 0 to ", CPU_SETSIZE - 1));
}

}  // namespace

absl::StatusOr<std::vector<int>> ParseProcessors(std::string_view text) {
  std::set<int> processors;
  for (const std::string_view part : absl::StrSplit(text, ',')) {
    const std::vector<std::string_view> ends = absl::StrSplit(part, absl::MaxSplits('-', 1));
    ABSL_ASSIGN_OR_RETURN(const int first, ParseOne(ends.front()));
    ABSL_ASSIGN_OR_RETURN(const int last, ParseOne(ends.back()));
    if (first > last) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", part, "\" is no range: it ends before it begins"));
    }
    for (int processor = first; processor <= last; ++processor) processors.insert(processor);
  }
  return std::vector<int>(processors.begin(), processors.end());
}

std::string FormatProcessors(std::span<const int> processors) {
  std::string text;
  for (std::size_t i = 0; i < processors.size();) {
    std::size_t end = i + 1;
    while (end < processors.size() && processors[end] == processors[end - 1] + 1) ++end;
    absl::StrAppend(&text, text.empty() ? "" : ",", processors[i]);
    if (end - i > 1) absl::StrAppend(&text, "-", processors[end - 1]);
    i = end;
  }
  return text;
}

absl::StatusOr<std::vector<int>> ChooseProcessors(std::string_view text,
                                                  std::span<const int> allowed) {
  ABSL_ASSIGN_OR_RETURN(std::vector<int> processors, ParseProcessors(text));
  std::vector<int> unknown;
  std::ranges::set_difference(processors, allowed, std::back_inserter(unknown));
  if (unknown.empty()) return processors;
  return absl::InvalidArgumentError(
      absl::StrCat("names processors that this process may not use: ", FormatProcessors(unknown),
                   "; it may use ", FormatProcessors(allowed)));
}

std::vector<int> AllowedProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return processors;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(processor, &set)) processors.push_back(processor);
  }
  return processors;
}

}  // namespace chasqui::worker
