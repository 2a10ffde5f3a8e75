// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/time/clock.h"
#include "services/inference-worker/kv/host_cache.h"
#include "services/inference-worker/kv/kv_memory.h"
#include "services/inference-worker/kv/placement.h"
#include "services/inference-worker/kv/prefix_tree.h"

namespace chasqui::worker {

// Who sits where in the KV cache, and what of it can be shared: knows the tokens that each seat (a
// sequence of libllama) holds, whether its answer runs or is over, and the prefixes kept in host
// memory. Answers take a seat, compute into it and leave; what they computed stays for those that
// begin alike, until the room is needed. Owned by the engine's loop and confined to its thread.
class KvCache {
 public:
  struct Options {
    bool share_prefixes = true;
    std::uint64_t host_bytes = 0;  // 0: nothing is kept in host memory
  };

  // A seat taken. The first `cached_tokens` of the sequence are in it.
  struct Seat {
    std::uint32_t index = 0;
    std::uint32_t cached_tokens = 0;
  };

  struct Counts {
    std::uint64_t evictions = 0;  // prefixes that left the KV cache for want of room
    std::uint64_t saves = 0;      // of these, kept in host memory
    std::uint64_t restores = 0;   // brought back from there
  };

  // `memory` outlives it.
  KvCache(KvMemory& memory, const Options& options);

  // A seat for a sequence that begins with `tokens`, whose last one is to be computed at any rate.
  // Sequences of another `variant` (adapters) share nothing. `seconds_per_token`: what computing
  // costs, 0 while that is not known. Nothing when every seat is taken.
  std::optional<Seat> Take(std::span<const std::int32_t> tokens, std::uint32_t variant,
                           double seconds_per_token, time::SteadyTime now);

  // The sequence of the seat goes on with `tokens`, which were computed.
  void Append(std::uint32_t seat, std::span<const std::int32_t> tokens);

  // The answer is over; what it computed stays for others.
  void Leave(std::uint32_t seat, time::SteadyTime now);

  // The answer is over, or set back, and nothing is known of what the seat holds: it is emptied.
  void Clear(std::uint32_t seat);

  // What was computed with `variant`, which nobody uses, is given up: the number is to mean
  // another.
  void Forget(std::uint32_t variant);

  // Makes room: takes the prefix used the longest ago out of the cache. False when there is none.
  bool EvictOne();

  // Drops `count` tokens behind the first `keep`, and moves the others up. What is left is no
  // prefix of any prompt, so that nobody shares it. False when the memory cannot.
  bool Shift(std::uint32_t seat, std::uint32_t keep, std::uint32_t count);

  // Where libllama computes only neighbours together, a gap between taken seats costs a pass over
  // the weights: the last answer moves into the first gap, and a prefix that lies there to where
  // the answer was. Nothing when there is none, or the memory cannot.
  struct Move {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
  };
  std::optional<Move> CloseGap();
  bool has_gap() const { return Gap().has_value(); }

  // Tokens held, those of finished answers included.
  std::uint32_t used_tokens() const;
  // Of these, those of answers that run.
  std::uint32_t running_tokens() const;
  std::uint64_t host_bytes() const { return host_.bytes(); }
  const Counts& counts() const { return counts_; }

 private:
  struct Holding {
    bool busy = false;
    std::uint32_t variant = 0;
    std::vector<std::int32_t> tokens;
    time::SteadyTime last_used{};
  };

  std::vector<std::int32_t> Key(std::uint32_t variant, std::span<const std::int32_t> tokens) const;
  PlacementQuestion Question(std::span<const std::int32_t> key, std::vector<SeatView>& views,
                             std::optional<std::uint32_t>& host_name) const;
  // The prefix comes into the seat as was decided; how much of it did.
  std::uint32_t Bring(const Placement& placement, std::optional<std::uint32_t> host_name);
  bool CopySeat(std::uint32_t from, std::uint32_t to);
  // The last answer, and the first free seat between two.
  std::optional<Move> Gap() const;
  // Empties a seat that nobody sits on; what it holds goes to host memory if it is worth it.
  void Vacate(std::uint32_t seat);
  void Save(std::uint32_t seat);
  bool KnownElsewhere(std::uint32_t seat, std::span<const std::int32_t> key) const;
  // Whether a copy costs little beside computing what the seat holds.
  bool WorthSaving(std::uint32_t seat) const;
  void MeasureCopy(std::uint64_t bytes, time::Duration duration);
  void MeasureSize(std::uint64_t bytes, std::uint64_t tokens);

  KvMemory& memory_;
  const Options options_;
  std::vector<Holding> seats_;
  PrefixTree tree_;  // seats by their index, host entries by names above
  HostCache host_;
  std::uint32_t next_host_name_;
  double copy_bytes_per_second_ = 1e9;
  double bytes_per_token_ = 0;    // of a state; 0: not measured
  double seconds_per_token_ = 0;  // to compute; 0: not measured
  Counts counts_;
};

}  // namespace chasqui::worker
