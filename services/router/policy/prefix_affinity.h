// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "services/router/policy/least_connections.h"
#include "services/router/policy/policy.h"
#include "services/router/policy/prefix_table.h"

namespace chasqui::router {

// Least connections, but of the workers whose load is within a margin of the least loaded one's the
// one that took the longest beginning of the prompt before, and most likely still holds it in its
// KV cache. So no worker is ever given a request that makes it busier than the least loaded one
// would be by more than the margin, whatever the prompts are. Of several that took the same, the
// least loaded. Workers that left are remembered until their entries are replaced, but never
// chosen.
class PrefixAffinityPolicy final : public BalancingPolicy {
 public:
  struct Options {
    // Share of its capacity, 0 to 1.
    double load_margin;
    std::size_t table_entries;
  };

  explicit PrefixAffinityPolicy(Options options)
      : load_margin_(options.load_margin), table_(options.table_entries) {}

  Choice Choose(std::span<const Candidate> candidates, PrefixHashes prefix) override;
  void Took(std::uint64_t order, PrefixHashes prefix) override;

  const PrefixTable& table() const { return table_; }

 private:
  const double load_margin_;
  LeastConnectionsPolicy least_connections_;
  PrefixTable table_;
};

}  // namespace chasqui::router
