// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "services/inference-worker/sampling/sampling_params.h"

namespace chasqui::worker {

// The penalties against repetition: knows the last tokens and lowers their logits. Costs as much as
// there are different ones among them, whatever the size of the vocabulary. Thread-compatible.
class Penalties {
 public:
  explicit Penalties(const PenaltyParams& params) : params_(params) {}

  void Accept(std::int32_t token);
  void Apply(std::span<float> logits) const;

 private:
  const PenaltyParams params_;
  std::deque<std::int32_t> window_;                          // the last params_.last_n tokens
  absl::flat_hash_map<std::int32_t, std::uint32_t> counts_;  // how often each occurs in it
};

}  // namespace chasqui::worker
