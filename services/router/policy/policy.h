// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/functional/any_invocable.h"
#include "chasqui/config/v1/router_config.pb.h"

namespace chasqui::router {

// A worker that can take one more request of a model, as a policy sees it.
struct Candidate {
  // When it joined relative to the others; unique. What rotation goes by.
  std::uint64_t order = 0;
  // Requests of the model running there, from everyone. Below `slots` unless slots do not count.
  std::uint32_t load = 0;
  // Requests that can run there at once; above 0.
  std::uint32_t slots = 1;
  // Tokens it generates a second with all slots busy; 0 when not measured yet.
  double tokens_per_second = 0;
};

// Chooses a worker for one request. Holds nothing but what rotation needs: each model has a policy
// of its own, owned by its queue. Confined to the loop that owns the fleet.
class BalancingPolicy {
 public:
  virtual ~BalancingPolicy() = default;

  // Index of the chosen one; `candidates` must not be empty.
  virtual std::size_t Pick(std::span<const Candidate> candidates) = 0;
};

// A number from 0 up to, not including, its argument.
using RandomSource = absl::AnyInvocable<std::size_t(std::size_t)>;

// The policy that the configuration names; unspecified is least connections.
std::unique_ptr<BalancingPolicy> MakePolicy(config::v1::BalancingPolicy kind, RandomSource random);

}  // namespace chasqui::router
