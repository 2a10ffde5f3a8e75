// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/kv/placement.h"

#include <algorithm>

namespace chasqui::worker {
namespace {

using Index = std::optional<std::uint32_t>;

// The free seat of `first` to `last` whose contents are missed least.
Index LeastMissed(std::span<const SeatView> seats, std::uint32_t first, std::uint32_t last) {
  Index best;
  for (std::uint32_t i = first; i <= last; ++i) {
    if (seats[i].busy) continue;
    if (seats[i].tokens == 0) return i;
    if (!best || seats[i].last_used < seats[*best].last_used) best = i;
  }
  return best;
}

Index LeastMissed(std::span<const SeatView> seats, bool neighbours) {
  const auto last = static_cast<std::uint32_t>(seats.size()) - 1;
  const auto busy = std::ranges::find(seats, true, &SeatView::busy);
  if (!neighbours || busy == seats.end()) return LeastMissed(seats, 0, last);
  const auto first_busy = static_cast<std::uint32_t>(busy - seats.begin());
  std::uint32_t last_busy = last;
  while (!seats[last_busy].busy) --last_busy;
  return LeastMissed(seats, first_busy == 0 ? 0 : first_busy - 1, std::min(last, last_busy + 1));
}

// The seat with most in common; of equals a free one, and of those the one that loses least.
Index MostShared(std::span<const SeatView> seats) {
  Index best;
  for (std::uint32_t i = 0; i < seats.size(); ++i) {
    const SeatView& seat = seats[i];
    if (seat.shared == 0) continue;
    if (!best) {
      best = i;
      continue;
    }
    const SeatView& other = seats[*best];
    const bool better = seat.shared != other.shared ? seat.shared > other.shared
                        : seat.busy != other.busy   ? other.busy
                                                    : seat.tokens < other.tokens;
    if (better) best = i;
  }
  return best;
}

}  // namespace

std::optional<Placement> Place(const PlacementQuestion& question) {
  const auto seats = question.seats;
  const Index victim = LeastMissed(seats, question.neighbours);
  if (!victim) return std::nullopt;
  const Index holder = MostShared(seats);
  const std::uint32_t shared = holder ? std::min(seats[*holder].shared, question.most_shared) : 0;

  if (question.host) {
    const std::uint32_t from_host = std::min(question.host->shared, question.most_shared);
    const double gained = (from_host - std::min(from_host, shared)) * question.seconds_per_token;
    const bool known = question.seconds_per_token > 0;
    if (from_host >= shared + kLeastShared && (!known || gained > question.host->restore_seconds)) {
      return Placement{*victim, Placement::Source::kHost, 0, from_host};
    }
  }
  if (holder && !seats[*holder].busy && shared > 0) {
    const std::uint32_t lost = seats[*holder].tokens - shared;
    if (4 * lost <= seats[*holder].tokens || *holder == *victim)
      return Placement{*holder, Placement::Source::kInPlace, *holder, shared};
  }
  const bool slow = question.seconds_per_token > 0 && holder &&
                    shared * question.seconds_per_token < seats[*holder].copy_seconds;
  if (holder && shared >= kLeastShared && !slow)
    return Placement{*victim, Placement::Source::kSeat, *holder, shared};
  return Placement{*victim, Placement::Source::kNothing, 0, 0};
}

}  // namespace chasqui::worker
