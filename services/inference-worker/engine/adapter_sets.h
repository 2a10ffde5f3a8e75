// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "services/inference-worker/engine/generation.h"

namespace chasqui::worker {

// The sets of adapters that answers are computed with, each known by a small number, by which the
// KV cache tells apart what was computed with them. Scales are free, so that callers could ask for
// new sets without end: of those that no answer uses, a few are kept, for what was computed with
// them may be shared again; the number of the one unused the longest is then given to another set.
// Owned by the engine's loop. Thread-compatible.
class AdapterSets {
 public:
  // Sets kept beside those in use.
  static constexpr std::size_t kMostUnused = 16;

  // The set of no adapters, which is always there.
  static constexpr std::uint32_t kNone = 0;

  struct Use {
    std::uint32_t index = kNone;
    // The index meant another set until now: what was computed with that must not be shared any
    // more.
    bool renamed = false;
  };

  // An answer begins to use the set.
  Use Enter(const std::vector<AppliedAdapter>& adapters);

  // An answer that entered it does so no more.
  void Leave(std::uint32_t index);

  const std::vector<AppliedAdapter>& at(std::uint32_t index) const { return sets_[index].adapters; }

  // Those in use, those kept, and that of no adapters.
  std::size_t size() const { return sets_.size(); }

 private:
  struct Set {
    std::vector<AppliedAdapter> adapters;
    std::uint32_t users = 0;
    std::uint64_t left = 0;  // when the last user did, by the count of such events
  };

  // The place for a new set.
  std::uint32_t Place();

  std::vector<Set> sets_{1};
  std::uint64_t events_ = 0;
};

}  // namespace chasqui::worker
