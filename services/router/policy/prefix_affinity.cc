// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/prefix_affinity.h"

#include <algorithm>

namespace chasqui::router {
namespace {

// The candidate that joined as `order`; null when it is none.
const Candidate* Find(std::span<const Candidate> candidates, std::uint64_t order) {
  const auto it = std::ranges::lower_bound(candidates, order, {}, &Candidate::order);
  return it != candidates.end() && it->order == order ? &*it : nullptr;
}

}  // namespace

Choice PrefixAffinityPolicy::Choose(std::span<const Candidate> candidates, PrefixHashes prefix) {
  const RelativeLoad load_of(candidates);
  const std::size_t least = least_connections_.Least(candidates, load_of);
  Choice choice{.index = least,
                .reason = prefix.empty() ? PickReason::kLeastLoaded : PickReason::kPrefixUnknown};
  double bound = load_of(candidates[least]) + load_margin_;
  // The longest first.
  for (std::size_t i = prefix.size(); i-- > 0 && choice.reason != PickReason::kPrefixHit;) {
    for (const std::uint64_t order : table_.Find(prefix[i])) {
      const Candidate* holder = Find(candidates, order);
      if (holder == nullptr || load_of(*holder) > bound) {
        if (choice.reason != PickReason::kPrefixHit) choice.reason = PickReason::kPrefixBusy;
        continue;
      }
      bound = load_of(*holder);
      choice = {.index = static_cast<std::size_t>(holder - candidates.data()),
                .reason = PickReason::kPrefixHit};
    }
  }
  least_connections_.Chose(candidates[choice.index]);
  return choice;
}

void PrefixAffinityPolicy::Took(std::uint64_t order, PrefixHashes prefix) {
  for (const std::uint64_t hash : prefix) table_.Add(hash, order);
}

}  // namespace chasqui::router
