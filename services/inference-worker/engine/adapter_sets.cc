// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/adapter_sets.h"

#include <algorithm>

namespace chasqui::worker {

AdapterSets::Use AdapterSets::Enter(const std::vector<AppliedAdapter>& adapters) {
  Use use;
  const auto known = std::ranges::find(sets_, adapters, &Set::adapters);
  if (known != sets_.end()) {
    use.index = static_cast<std::uint32_t>(known - sets_.begin());
  } else {
    use.index = Place();
    use.renamed = use.index < sets_.size();
    if (!use.renamed) sets_.emplace_back();
    sets_[use.index] = {.adapters = adapters};
  }
  ++sets_[use.index].users;
  return use;
}

void AdapterSets::Leave(std::uint32_t index) {
  --sets_[index].users;
  sets_[index].left = ++events_;
}

std::uint32_t AdapterSets::Place() {
  std::size_t unused = 0;
  std::size_t oldest = 0;
  for (std::size_t i = kNone + 1; i < sets_.size(); ++i) {
    if (sets_[i].users > 0) continue;
    if (unused++ == 0 || sets_[i].left < sets_[oldest].left) oldest = i;
  }
  return static_cast<std::uint32_t>(unused < kMostUnused ? sets_.size() : oldest);
}

}  // namespace chasqui::worker
