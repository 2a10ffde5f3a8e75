// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "common/time/clock.h"

namespace chasqui::cache {

// Who waits until all replicas have applied a change, and how many have. Changes are written, and
// so applied and acknowledged, in batches. It calls nobody: it gives what is to be told.
// Thread-compatible.
class AckTable {
 public:
  // Is told how many replicas have applied the change, this one included, and whether others may
  // not have.
  using Done = absl::AnyInvocable<void(std::uint32_t replicas, bool pending)>;

  struct Verdict {
    Done done;
    std::uint32_t replicas = 1;
    bool pending = false;

    void Tell() { done(replicas, pending); }
  };
  using Verdicts = std::vector<Verdict>;

  // A number for who waits; never 0.
  std::uint64_t Add(Done done, time::SteadyTime deadline);

  // A number for the batch in which their changes are written; 0 when none of them waits any more.
  std::uint64_t BeginBatch(std::span<const std::uint64_t> waiting);

  // That `replicas`, this one included, are to apply the batch; or that one more has. The verdicts
  // when these are all. A batch that nobody waits for any more is ignored.
  Verdicts Expect(std::uint64_t batch, std::uint32_t replicas);
  Verdicts Acknowledge(std::uint64_t batch);

  // Those whose time is over, or all: changes that others may not have applied.
  Verdicts TakeLate(time::SteadyTime now);
  Verdicts TakeAll() { return TakeLate(time::SteadyTime::max()); }

 private:
  struct Waiting {
    Done done;
    time::SteadyTime deadline;
    std::uint64_t batch = 0;  // 0: not written yet
  };
  struct Batch {
    std::vector<std::uint64_t> members;
    std::size_t waiting = 0;  // of them
    std::uint32_t applied = 1;
    std::optional<std::uint32_t> expected;  // once it is known
  };
  using Batches = absl::flat_hash_map<std::uint64_t, Batch>;

  Verdicts TakeIfAll(Batches::iterator it);
  // What is told of who waits in the batch; the last takes the batch with it.
  std::uint32_t Leave(std::uint64_t batch);

  std::uint64_t next_number_ = 1;
  absl::flat_hash_map<std::uint64_t, Waiting> waiting_;
  Batches batches_;
};

}  // namespace chasqui::cache
