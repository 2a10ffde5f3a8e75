// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace chasqui::worker {

// The KV cache of a context, in the terms of what can be done with it: sequences are copied, cut,
// moved, saved and restored. Implemented by the engine's context; confined to its thread.
class KvMemory {
 public:
  virtual ~KvMemory() = default;

  // How many sequences it can hold at once.
  virtual std::uint32_t sequences() const = 0;

  // Whether all sequences share their cells: then copying a prefix costs nothing. Else each has its
  // own part, and only neighbours are computed together.
  virtual bool unified() const = 0;

  // Whether a prefix of a sequence can be used by itself (not where the memory is a running state).
  virtual bool can_share() const = 0;
  virtual bool can_shift() const = 0;

  virtual void Remove(std::uint32_t sequence) = 0;

  // Keeps the first `tokens` of the sequence. False when it cannot; it is empty then.
  virtual bool Keep(std::uint32_t sequence, std::uint32_t tokens) = 0;

  // Lets `to`, which is empty, have the first `tokens` of `from`, too. Only where cells are shared.
  virtual bool Share(std::uint32_t from, std::uint32_t to, std::uint32_t tokens) = 0;

  // What the sequence holds, to be restored into this or another sequence. Empty when it cannot.
  virtual std::vector<std::uint8_t> Save(std::uint32_t sequence) = 0;
  // How large that is.
  virtual std::uint64_t SavedSize(std::uint32_t sequence) = 0;
  // False when it cannot, such as for want of room; the sequence is empty then.
  virtual bool Restore(std::uint32_t sequence, std::span<const std::uint8_t> state) = 0;

  // Drops `count` tokens behind the first `keep` and moves the rest up. False when it cannot.
  virtual bool Shift(std::uint32_t sequence, std::uint32_t keep, std::uint32_t count) = 0;
};

}  // namespace chasqui::worker
