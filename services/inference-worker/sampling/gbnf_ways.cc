// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/gbnf_ways.h"

#include <algorithm>
#include <utility>

namespace chasqui::worker {

int GbnfWays::AddRule() {
  rules_.emplace_back();
  return static_cast<int>(rules_.size()) - 1;
}

void GbnfWays::Define(int rule, std::vector<Sequence> alternatives) {
  rules_[static_cast<std::size_t>(rule)].alternatives = std::move(alternatives);
}

bool GbnfWays::IsNullable(const Part& part) const {
  return part.optional || (part.rule >= 0 && rules_[static_cast<std::size_t>(part.rule)].nullable);
}

bool GbnfWays::IsNullable(const Sequence& sequence) const {
  return std::ranges::all_of(sequence, [this](const Part& part) { return IsNullable(part); });
}

// From the rules that are to those that refer to them: each pass over all of them that changes
// something is paid for by the rules that refer to a changed one.
void GbnfWays::FindNullable() {
  std::vector<std::vector<std::size_t>> users(rules_.size());
  std::vector<std::size_t> to_do(rules_.size());
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    to_do[i] = i;
    for (const Sequence& sequence : rules_[i].alternatives) {
      for (const Part& part : sequence) {
        if (part.rule >= 0) users[static_cast<std::size_t>(part.rule)].push_back(i);
      }
    }
  }
  while (!to_do.empty()) {
    Rule& rule = rules_[to_do.back()];
    const std::size_t index = to_do.back();
    to_do.pop_back();
    if (rule.nullable) continue;
    rule.nullable = std::ranges::any_of(
        rule.alternatives, [this](const Sequence& sequence) { return IsNullable(sequence); });
    if (rule.nullable) to_do.insert(to_do.end(), users[index].begin(), users[index].end());
  }
}

std::uint64_t GbnfWays::Ways(int index, int depth) {
  Rule& rule = rules_[static_cast<std::size_t>(index)];
  if (rule.state == Rule::kDone) return rule.ways;
  // A rule that begins with itself is libllama's to refuse.
  if (rule.state == Rule::kOpen) return 1;
  if (depth > kDeepest) {
    too_deep_ = true;
    return 1;
  }
  rule.state = Rule::kOpen;
  std::uint64_t ways = 0;
  for (const Sequence& sequence : rule.alternatives)
    ways = std::min(kMost + 1, ways + Ways(sequence, depth));
  rule.state = Rule::kDone;
  return rule.ways = ways;
}

std::uint64_t GbnfWays::Ways(const Sequence& sequence, int depth) {
  std::uint64_t ways = 0;
  for (const Part& part : sequence) {
    std::uint64_t own = part.rule < 0 ? 1 : Ways(part.rule, depth + 1);
    if (part.rule >= 0 && rules_[static_cast<std::size_t>(part.rule)].nullable)
      own *= std::min(part.copies, kMost + 1);
    ways = std::min(kMost + 1, ways + own);
    if (!IsNullable(part)) return ways;
  }
  return std::min(kMost + 1, ways + 1);  // or it is empty
}

GbnfWays::Verdict GbnfWays::Check() {
  FindNullable();
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < rules_.size(); ++i)
    most = std::max(most, Ways(static_cast<int>(i), 0));
  if (too_deep_) return Verdict::kDeep;
  return most > kMost ? Verdict::kMany : Verdict::kFew;
}

}  // namespace chasqui::worker
