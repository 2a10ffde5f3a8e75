// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

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
  // How long it lately took to answer a request of this router; 0 when not measured yet.
  double response_seconds = 0;
  // What part of its capacity counts, above 0 to 1: less than all while it warms up, see
  // slow_start.h.
  double warmth = 1;
};

// Why a worker was chosen.
enum class PickReason {
  kLeastLoaded,
  kTurn,          // it was the next
  kDrawn,         // by chance
  kPrefixHit,     // it took the prompt's beginning before
  kPrefixBusy,    // the least loaded: who took the beginning is too busy, or gone
  kPrefixUnknown  // the least loaded: nobody is known to have taken the beginning
};

// A policy's choice.
struct Choice {
  std::size_t index;
  PickReason reason;
};

// Hashes of a prompt's beginnings, the shortest first; see prompt_prefix.h. Empty: it has none.
using PrefixHashes = std::span<const std::uint64_t>;

// Chooses a worker for one request. Reads no clock and calls nobody: each model has a policy of its
// own, owned by its queue and guarded like it. Thread-compatible.
class BalancingPolicy {
 public:
  virtual ~BalancingPolicy() = default;

  // `candidates` must not be empty, and are in the order in which they joined.
  virtual Choice Choose(std::span<const Candidate> candidates, PrefixHashes prefix) = 0;

  // The worker that joined as `order` began to answer a prompt with these beginnings.
  virtual void Took(std::uint64_t /*order*/, PrefixHashes /*prefix*/) {}
};

// A number from 0 up to, not including, its argument.
using RandomSource = absl::AnyInvocable<std::size_t(std::size_t)>;

// The policy that the configuration names; unspecified is least connections. `config` is complete.
std::unique_ptr<BalancingPolicy> MakePolicy(const config::v1::BalancingConfig& config,
                                            RandomSource random);

// As labels of metrics: "least_connections", "prefix_hit".
std::string_view PolicyName(config::v1::BalancingPolicy kind);
std::string_view ReasonName(PickReason reason);

}  // namespace chasqui::router
