// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/time/clock.h"

namespace chasqui::worker {

// A place for one sequence in the KV cache, as the decision below sees it.
struct SeatView {
  bool busy = false;             // a running answer holds it
  std::uint32_t tokens = 0;      // it holds
  std::uint32_t shared = 0;      // of these, how many the new prompt begins with
  double copy_seconds = 0;       // to bring them into another seat
  time::SteadyTime last_used{};  // of what it holds
};

// The prefix in host memory that has most in common with the new prompt.
struct HostView {
  std::uint32_t shared = 0;
  double restore_seconds = 0;  // to bring all of it back
};

struct PlacementQuestion {
  std::span<const SeatView> seats;
  std::optional<HostView> host;
  // How many tokens of the prompt may be taken over: all but the last, whose logits are wanted.
  std::uint32_t most_shared = 0;
  // Time to compute one prompt token. 0: not measured yet.
  double seconds_per_token = 0;
  // Whether answers are to sit side by side, for a gap between them costs time.
  bool neighbours = false;
};

// Where a new sequence goes, and where its beginning comes from.
struct Placement {
  enum class Source {
    kNothing,  // it is computed from its first token
    kInPlace,  // the seat holds it
    kSeat,     // the seat `from` holds it
    kHost,     // host memory holds it
  };
  std::uint32_t seat = 0;
  Source source = Source::kNothing;
  std::uint32_t from = 0;
  std::uint32_t shared = 0;

  bool operator==(const Placement&) const = default;
};

// Less in common than this is not worth a copy.
inline constexpr std::uint32_t kLeastShared = 8;

// Chooses a seat: the one that holds the longest prefix of the prompt, unless that would cost more
// than a quarter of what it holds; then the seat that is missed least (an empty one, the lowest
// first, else the one used the longest ago; of neighbours, those between or beside them), and a
// copy of the prefix, when that takes less time than computing it. A prefix in host memory is
// brought back when that takes less time than computing what it has more than the seats. Nothing
// when no seat is free. Pure.
std::optional<Placement> Place(const PlacementQuestion& question);

}  // namespace chasqui::worker
