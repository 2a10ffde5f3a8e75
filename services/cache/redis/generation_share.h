// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/config/v1/cache_config.pb.h"
#include "common/concurrency/periodic.h"
#include "common/observability/log.h"
#include "common/redis/link.h"
#include "common/time/clock.h"
#include "services/cache/generation/generations.h"
#include "services/cache/redis/ack_table.h"
#include "services/cache/redis/generation_log.h"

namespace chasqui::cache {

// Keeps the generations of all replicas in step through a log in Redis (generation_log.h). What
// others write is heard on a channel, applied and acknowledged to its writer, so that who
// invalidates knows when it holds everywhere. Once the connection has broken, or the log shows a
// gap or is another, nothing counts as known to others any more: all of it is read and merged and
// what is not there is written, before this replica hears again. So Redis may lose everything.
// All of that is done on the thread of the link. Owned by the CacheServer. Thread-safe.
class GenerationShare {
 public:
  using OnHeard = absl::AnyInvocable<void(Generations::Change)>;
  using Done = AckTable::Done;

  // `on_heard` is told what was learned of others, and what became of it, to be written down; on
  // the link's thread, in order. `generations` and `clock` outlive it.
  GenerationShare(const config::v1::RedisTierConfig& config, Generations& generations,
                  OnHeard on_heard, const time::Clock& clock, observability::Logger log);
  GenerationShare(const GenerationShare&) = delete;
  GenerationShare& operator=(const GenerationShare&) = delete;
  // Who still waits is told that others may not have heard.
  ~GenerationShare();

  // Tells others a change of `generations`. Calls `done` once: when all replicas that hear have
  // applied it, with their number, this one included; or, `pending`, when some have not after a
  // second, or Redis is away. Those are told when they or it are back.
  void Share(const Generations::Change& change, Done done);

  // Whether this replica hears what others invalidate, and has heard all they did before.
  bool heard() const;

  // How long it has not been known what others invalidate; zero while it is, and the longest there
  // is until it has been known for the first time.
  time::Duration UnheardFor(time::SteadyTime now) const;

  // That hear each other, this one included, a second ago; 0: not known.
  std::uint32_t replicas() const { return replicas_.load(std::memory_order_relaxed); }

 private:
  // Names of one change that is written, so that its script is short and its message small.
  static constexpr std::size_t kMostNames = 1000;

  enum class State : std::uint8_t { kAway, kCatchingUp, kHearing };

  // What somebody wants written.
  struct Wish {
    std::vector<std::string> names;
    bool forget = false;       // everything instead, and all others are forgotten
    std::uint64_t number = 0;  // of who waits in acks_; 0: nobody
  };
  // What is written at once: what these names have when it is sent.
  struct Batch {
    std::vector<std::string> names;
    bool forget = false;
    std::uint64_t number = 0;  // in acks_; 0: nobody waits
    bool of_catching_up = false;
    std::uint64_t round = 0;
  };

  static std::string RandomHex();

  redis::Link::Options LinkOptions(const config::v1::RedisTierConfig& config);
  void OnState(const absl::Status& state);
  void OnMessage(std::string_view channel, std::string_view message);
  void OnNotice(const Heard& heard);
  void OnAck(std::string_view number);
  void Acknowledge(const v1::GenerationNotice& notice);
  void TellDrawn(const Generations::Change& change);
  void Persist(const Generations::Change& change);
  static void TellAll(AckTable::Verdicts verdicts);

  // One batch is under way at a time: who invalidates meanwhile waits for the next.
  void Enqueue(Wish wish);
  void WriteNext();
  std::optional<Batch> TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(Batch batch);
  void OnWritten(Batch batch, const std::vector<Generations::Entry>& entries,
                 const redis::ReplyOr& reply);

  // From away to hearing: look where the log ends, read all pages, write what is not there.
  void CatchUp();
  void OnLooked(std::uint64_t round, const redis::ReplyOr& reply);
  void AskPage(std::uint64_t round, std::string_view cursor);
  void OnPage(std::uint64_t round, const redis::ReplyOr& reply);
  void TellNext(std::uint64_t round);
  // Back to away, when that was the round.
  void Doubt(std::uint64_t round, const absl::Status& why);
  AckTable::Verdicts StopHearing() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void Sweep();
  void OnAudit(std::uint64_t round, const redis::ReplyOr& reply);

  Generations& generations_;
  OnHeard on_heard_;  // confined to the link's thread
  const time::Clock& clock_;
  const observability::Logger log_;
  const std::string id_;  // of this replica
  const LogNames names_;
  const std::string acks_prefix_;

  std::atomic<std::uint32_t> replicas_ = 0;
  // Held while generations are merged or read to be sent, so that they fit `at_`.
  mutable absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kAway;
  // Of catching up; what was sent in an earlier one means nothing any more.
  std::uint64_t round_ ABSL_GUARDED_BY(mutex_) = 0;
  // Up to where the log was heard; without an epoch while that is not known.
  LogPosition at_ ABSL_GUARDED_BY(mutex_);
  bool forget_ ABSL_GUARDED_BY(mutex_) = false;      // others are to forget all but everything
  std::deque<Wish> wishes_ ABSL_GUARDED_BY(mutex_);  // while hearing
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::string> untold_ ABSL_GUARDED_BY(mutex_);  // names a catching up is to write
  AckTable acks_ ABSL_GUARDED_BY(mutex_);
  // When it last surely heard all; none: not yet.
  std::optional<time::SteadyTime> in_step_at_ ABSL_GUARDED_BY(mutex_);
  time::SteadyTime next_audit_ ABSL_GUARDED_BY(mutex_);
  time::Duration pause_ ABSL_GUARDED_BY(mutex_){};  // before the next catching up
  time::SteadyTime next_round_ ABSL_GUARDED_BY(mutex_);
  bool told_away_ ABSL_GUARDED_BY(mutex_) = false;

  // Last: their threads work on all of the above; the sweeper speaks through the link.
  redis::Link link_;
  concurrency::Periodic sweeper_;
};

}  // namespace chasqui::cache
