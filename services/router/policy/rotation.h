// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

namespace chasqui::router {

// Takes turns among members of a changing set, by their join order: next is the one that joined
// soonest after the last one chosen, and after the youngest the oldest again. A member that comes
// or goes disturbs nobody's turn, which an index into the set would. Thread-compatible.
class Rotation {
 public:
  // Smaller is earlier in turn; unique for unique orders.
  std::uint64_t TurnOf(std::uint64_t order) const { return order - last_ - 1; }
  void Chose(std::uint64_t order) { last_ = order; }

 private:
  // Unsigned wrap-around makes those after `last_` come before those up to it.
  std::uint64_t last_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace chasqui::router
