// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/text/stop_matcher.h"

#include <algorithm>

namespace chasqui::worker {
namespace {

std::vector<std::size_t> Borders(std::string_view pattern) {
  std::vector<std::size_t> borders(pattern.size(), 0);
  for (std::size_t i = 1, length = 0; i < pattern.size(); ++i) {
    while (length > 0 && pattern[i] != pattern[length]) length = borders[length - 1];
    if (pattern[i] == pattern[length]) ++length;
    borders[i] = length;
  }
  return borders;
}

}  // namespace

StopMatcher::StopMatcher(const std::vector<std::string>& stops) {
  for (const std::string& stop : stops) automata_.push_back({stop, Borders(stop)});
}

void StopMatcher::Advance(Automaton& automaton, char byte) {
  std::size_t& matched = automaton.matched;
  while (matched > 0 && automaton.pattern[matched] != byte)
    matched = automaton.borders[matched - 1];
  if (automaton.pattern[matched] == byte) ++matched;
}

std::optional<std::size_t> StopMatcher::Push(std::string_view bytes, std::string& released) {
  if (automata_.empty()) {
    released += bytes;
    return std::nullopt;
  }
  std::size_t longest = 0;
  for (const char byte : bytes) {
    held_.push_back(byte);
    longest = 0;
    std::optional<std::size_t> complete;
    for (std::size_t i = 0; i < automata_.size(); ++i) {
      Automaton& automaton = automata_[i];
      Advance(automaton, byte);
      longest = std::max(longest, automaton.matched);
      if (automaton.matched < automaton.pattern.size()) continue;
      if (!complete || automaton.pattern.size() > automata_[*complete].pattern.size()) complete = i;
    }
    if (complete) {
      released.append(held_, 0, held_.size() - automata_[*complete].pattern.size());
      held_.clear();
      return complete;
    }
  }
  const std::size_t free = held_.size() - std::min(longest, held_.size());
  released.append(held_, 0, free);
  held_.erase(0, free);
  return std::nullopt;
}

void StopMatcher::Finish(std::string& released) {
  released += held_;
  held_.clear();
}

}  // namespace chasqui::worker
