// SPDX-License-Identifier: Apache-2.0
// How a GenerationShare comes to hear, and finds out that it no longer does: the way from
// State::kAway to State::kHearing and back.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <utility>

#include "services/cache/redis/generation_share.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

constexpr time::Duration kAuditInterval = 1s;
// Between attempts to catch up that come to nothing; doubles.
constexpr time::Duration kFirstPause = 100ms;
constexpr time::Duration kLongestPause = 10s;

}  // namespace

void GenerationShare::OnState(const absl::Status& state) {
  if (state.ok()) return CatchUp();
  std::uint64_t round = 0;
  {
    absl::MutexLock lock(mutex_);
    round = round_;
  }
  Doubt(round, state);
}

// The channel is heard already: what is written from now on is not missed.
void GenerationShare::CatchUp() {
  std::uint64_t round = 0;
  {
    absl::MutexLock lock(mutex_);
    if (state_ != State::kAway) return;
    state_ = State::kCatchingUp;
    round = ++round_;
  }
  link_.Send(LookCommand(names_, RandomHex()),
             [this, round](const redis::ReplyOr& reply) { OnLooked(round, reply); });
}

void GenerationShare::OnLooked(std::uint64_t round, const redis::ReplyOr& reply) {
  const absl::StatusOr<LookAnswer> answer = ReadLookAnswer(reply);
  if (!answer.ok()) return Doubt(round, answer.status());
  {
    absl::MutexLock lock(mutex_);
    if (round != round_ || state_ != State::kCatchingUp) return;
    // What is older is in the pages, what is newer comes after this.
    at_ = answer->end;
    // What was heard before it may be of another log.
    generations_.MarkAllUnshared();
    replicas_ = answer->listeners;
  }
  AskPage(round, "0");
}

void GenerationShare::AskPage(std::uint64_t round, std::string_view cursor) {
  link_.Send(PageCommand(names_, cursor),
             [this, round](const redis::ReplyOr& reply) { OnPage(round, reply); });
}

void GenerationShare::OnPage(std::uint64_t round, const redis::ReplyOr& reply) {
  const absl::StatusOr<Page> page = ReadPage(reply);
  if (!page.ok()) return Doubt(round, page.status());
  Generations::Change change;
  {
    absl::MutexLock lock(mutex_);
    if (round != round_ || state_ != State::kCatchingUp) return;
    change = generations_.Merge(page->entries);
    if (page->next == "0") untold_ = generations_.UnsharedNames();
  }
  Persist(change);
  TellDrawn(change);
  page->next == "0" ? TellNext(round) : AskPage(round, page->next);
}

// One change at a time, so that a great table does not fill the link.
void GenerationShare::TellNext(std::uint64_t round) {
  Batch batch{.of_catching_up = true, .round = round};
  bool hears = false;
  {
    absl::MutexLock lock(mutex_);
    if (round != round_ || state_ != State::kCatchingUp) return;
    if (std::exchange(forget_, false)) {
      batch.forget = true;
      untold_.clear();
    } else if (!untold_.empty()) {
      const std::size_t count = std::min(untold_.size(), kMostNames);
      const auto from = untold_.end() - static_cast<std::ptrdiff_t>(count);
      batch.names.assign(std::make_move_iterator(from), std::make_move_iterator(untold_.end()));
      untold_.erase(from, untold_.end());
    } else {
      hears = true;
      const time::SteadyTime now = clock_.SteadyNow();
      state_ = State::kHearing;
      in_step_at_ = now;
      pause_ = {};
      next_audit_ = now;
      told_away_ = false;
    }
  }
  if (!hears) return Write(std::move(batch));
  log_.Info("invalidations are shared in Redis", {{"replicas", replicas()}});
  // What was invalidated or drawn anew meanwhile: Share() has left it to this.
  Wish left{.names = generations_.UnsharedNames()};
  {
    absl::MutexLock lock(mutex_);
    left.forget = std::exchange(forget_, false);
  }
  Enqueue(std::move(left));
}

void GenerationShare::Doubt(std::uint64_t round, const absl::Status& why) {
  AckTable::Verdicts verdicts;
  bool tell = false;
  {
    absl::MutexLock lock(mutex_);
    if (round != round_) return;
    if (state_ == State::kAway && round > 0) return;
    verdicts = StopHearing();
    tell = !std::exchange(told_away_, true);
  }
  if (tell) {
    log_.Warn("what other replicas invalidate is not heard", {{"error", why}});
  }
  TellAll(std::move(verdicts));
}

// Who waits for acknowledgements is told that others may not have heard.
AckTable::Verdicts GenerationShare::StopHearing() {
  if (state_ == State::kCatchingUp) {
    pause_ = std::clamp(2 * pause_, kFirstPause, kLongestPause);
    next_round_ = clock_.SteadyNow() + pause_;
  }
  state_ = State::kAway;
  at_ = {};
  untold_.clear();
  for (const Wish& wish : wishes_) forget_ |= wish.forget;
  wishes_.clear();
  writing_ = false;
  replicas_ = 0;
  generations_.MarkAllUnshared();
  return acks_.TakeAll();
}

void GenerationShare::Sweep() {
  const time::SteadyTime now = clock_.SteadyNow();
  AckTable::Verdicts late;
  bool audit = false;
  bool away = false;
  std::uint64_t round = 0;
  {
    absl::MutexLock lock(mutex_);
    late = acks_.TakeLate(now);
    away = state_ == State::kAway && now >= next_round_;
    audit = state_ == State::kHearing && now >= next_audit_;
    if (audit) next_audit_ = now + kAuditInterval;
    round = round_;
  }
  TellAll(std::move(late));
  if (away && link_.up()) CatchUp();
  if (audit) {
    link_.Send(LookCommand(names_, RandomHex()),
               [this, round](const redis::ReplyOr& reply) { OnAudit(round, reply); });
  }
}

// All that was written before the answer has been heard before it.
void GenerationShare::OnAudit(std::uint64_t round, const redis::ReplyOr& reply) {
  const absl::StatusOr<LookAnswer> answer = ReadLookAnswer(reply);
  if (!answer.ok()) return Doubt(round, answer.status());
  {
    absl::MutexLock lock(mutex_);
    if (round != round_ || state_ != State::kHearing) return;
    if (answer->end == at_) {
      in_step_at_ = clock_.SteadyNow();
      replicas_ = answer->listeners;
      return;
    }
  }
  Doubt(round, absl::DataLossError("Redis has lost the generations"));
}

}  // namespace chasqui::cache
