// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/cache/v1/stored_answer.pb.h"
#include "chasqui/config/v1/cache_config.pb.h"
#include "common/concurrency/periodic.h"
#include "common/observability/log.h"
#include "common/redis/link.h"
#include "common/time/clock.h"
#include "services/cache/generation/generations.h"

namespace chasqui::cache {

// Keeps the generations of all replicas in step, through Redis: a hash there holds them, and a
// channel tells what changes. A replica that has applied a change says so on another channel, so
// that who made it knows when it holds everywhere. One that was away first learns all that it
// missed, and tells what Redis does not know: what was invalidated here meanwhile, or everything
// when Redis has lost its data. Owned by the CacheServer. Thread-safe.
class GenerationShare {
 public:
  // `on_heard` is told, on the link's thread, what was learned of others, to be written down.
  // `generations` and `clock` outlive it.
  GenerationShare(const config::v1::RedisTierConfig& config, Generations& generations,
                  absl::AnyInvocable<void(Generations::Change)> on_heard, const time::Clock& clock,
                  observability::Logger log);

  // Calls `done` when every replica has applied the change, with how many there are, this one
  // included; or, when some have not in a second or Redis is away, with those that have, and
  // `pending`.
  using Done = absl::AnyInvocable<void(std::uint32_t replicas, bool pending)>;
  void Share(Generations::Change change, Done done);

  // How long it has not been known what others invalidate; zero when it is.
  time::Duration UnheardFor(time::SteadyTime now) const;

  // That heard the last change, this one included; 0: not known.
  std::uint32_t replicas() const { return replicas_.load(std::memory_order_relaxed); }

 private:
  // A change that not everybody is known to have applied.
  struct Pending {
    Done done;
    time::SteadyTime deadline;
    std::uint32_t applied = 0;
    std::optional<std::uint32_t> expected;  // once Redis has told
  };

  redis::Link::Options LinkOptions(const config::v1::RedisTierConfig& config);
  void OnState(const absl::Status& state);
  void OnMessage(std::string_view channel, std::string_view message);
  void OnNotice(const v1::GenerationNotice& notice);
  void ShareConflicts(const Generations::Change& heard);
  void OnAck(std::string_view ack);
  // Learns what Redis has, tells what it has not.
  void CatchUp();
  void Learn(const redis::ReplyOr& reply);
  bool Publish(const Generations::Change& change, std::uint64_t number,
               absl::AnyInvocable<void(const redis::ReplyOr&)> done);
  void GiveUpLate();
  // Ends the change when all have applied it.
  void Settle(std::uint64_t number) ABSL_LOCKS_EXCLUDED(mutex_);

  Generations& generations_;
  absl::AnyInvocable<void(Generations::Change)> on_heard_;
  const time::Clock& clock_;
  const observability::Logger log_;
  const std::string id_;  // of this replica
  const std::string hash_;
  const std::string notices_;
  const std::string acks_;

  std::atomic<std::uint32_t> replicas_ = 0;
  mutable absl::Mutex mutex_;
  std::optional<time::SteadyTime> unheard_since_ ABSL_GUARDED_BY(mutex_);  // none: it hears
  std::uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 1;
  absl::flat_hash_map<std::uint64_t, Pending> pending_ ABSL_GUARDED_BY(mutex_);

  // Last: their threads work on all of the above.
  redis::Link link_;
  concurrency::Periodic sweeper_;
};

}  // namespace chasqui::cache
