// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/generation_share.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <random>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/redis/settings.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

constexpr time::Duration kAckTime = 1s;
constexpr time::Duration kSweepInterval = 100ms;

bool IsUnshared(const Generations::Entry& entry) { return entry.second.unshared; }

// Whether all was forgotten here, and not because another replica did.
bool ForgottenHere(const Generations::Change& change) {
  return change.all_others_forgotten &&
         std::ranges::any_of(change.entries, [](const Generations::Entry& entry) {
           return entry.first == EverythingName() && IsUnshared(entry);
         });
}

}  // namespace

std::string GenerationShare::RandomHex() {
  std::random_device random;
  return absl::StrFormat("%08x%08x", random(), random());
}

GenerationShare::GenerationShare(const config::v1::RedisTierConfig& config,
                                 Generations& generations, OnHeard on_heard,
                                 const time::Clock& clock, observability::Logger log)
    : generations_(generations),
      on_heard_(std::move(on_heard)),
      clock_(clock),
      log_(std::move(log)),
      id_(RandomHex()),
      names_{.hash = absl::StrCat(config.server().key_prefix(), "generations"),
             .notices = absl::StrCat(config.server().key_prefix(), "invalidations")},
      acks_prefix_(absl::StrCat(config.server().key_prefix(), "acks:")),
      link_(LinkOptions(config)),
      sweeper_("cache-gen-acks", kSweepInterval, [this] { Sweep(); }) {}

GenerationShare::~GenerationShare() {
  AckTable::Verdicts verdicts;
  {
    absl::MutexLock lock(mutex_);
    verdicts = StopHearing();
  }
  TellAll(std::move(verdicts));
}

// Silence is no trouble: the audit asks every second.
redis::Link::Options GenerationShare::LinkOptions(const config::v1::RedisTierConfig& config) {
  // What was written down may be older than what Redis has, or newer.
  generations_.MarkAllUnshared();
  redis::Link::Options options = redis::LinkOptions(config.server());
  options.thread_name = "cache-gen";
  options.backoff.maximum = 1s;
  options.channels = {names_.notices, absl::StrCat(acks_prefix_, id_)};
  options.on_message = [this](std::string_view channel, std::string_view message) {
    OnMessage(channel, message);
  };
  options.on_state = [this](const absl::Status& state) { OnState(state); };
  return options;
}

bool GenerationShare::heard() const {
  absl::MutexLock lock(mutex_);
  return state_ == State::kHearing;
}

time::Duration GenerationShare::UnheardFor(time::SteadyTime now) const {
  absl::MutexLock lock(mutex_);
  if (state_ == State::kHearing) return time::Duration::zero();
  // What was invalidated while this process was not there may be as old as that.
  if (!in_step_at_.has_value()) return time::Duration::max();
  // Even one that has just stopped hearing does not hear.
  return std::max<time::Duration>(now - *in_step_at_, time::Duration(1));
}

void GenerationShare::Share(const Generations::Change& change, Done done) {
  Wish wish{.forget = change.all_others_forgotten};
  for (const auto& [name, generation] : change.entries) wish.names.push_back(name);
  std::uint64_t round = 0;
  bool hears = false;
  {
    absl::MutexLock lock(mutex_);
    round = round_;
    hears = state_ == State::kHearing;
    // What is unshared when this replica begins to hear is written then, see TellNext().
    if (hears) {
      wish.number = acks_.Add(std::move(done), clock_.SteadyNow() + kAckTime);
      wishes_.push_back(std::move(wish));
    } else {
      forget_ |= wish.forget;
    }
  }
  if (!hears) return done(1, true);
  link_.Post([this, round](const redis::ReplyOr& posted) {
    posted.ok() ? WriteNext() : Doubt(round, posted.status());
  });
}

void GenerationShare::Enqueue(Wish wish) {
  {
    absl::MutexLock lock(mutex_);
    if (state_ != State::kHearing) {
      forget_ |= wish.forget;
      return;
    }
    if (!wish.names.empty() || wish.forget) wishes_.push_back(std::move(wish));
  }
  WriteNext();
}

void GenerationShare::WriteNext() {
  std::optional<Batch> batch;
  {
    absl::MutexLock lock(mutex_);
    if (state_ == State::kHearing && !writing_) batch = TakeBatch();
    writing_ |= batch.has_value();
  }
  if (batch.has_value()) Write(*std::move(batch));
}

std::optional<GenerationShare::Batch> GenerationShare::TakeBatch() {
  if (wishes_.empty()) return std::nullopt;
  Batch batch{.forget = wishes_.front().forget, .round = round_};
  std::vector<std::uint64_t> waiting;
  do {
    Wish& wish = wishes_.front();
    if (wish.number != 0) waiting.push_back(wish.number);
    batch.names.insert(batch.names.end(), std::make_move_iterator(wish.names.begin()),
                       std::make_move_iterator(wish.names.end()));
    wishes_.pop_front();
  } while (!wishes_.empty() && wishes_.front().forget == batch.forget &&
           batch.names.size() < kMostNames);
  // Many invalidate the same.
  std::ranges::sort(batch.names);
  const auto doubles = std::ranges::unique(batch.names);
  batch.names.erase(doubles.begin(), doubles.end());
  batch.number = acks_.BeginBatch(waiting);
  return batch;
}

// Who forgets draws a generation of everything at the position at which all is forgotten: nothing
// that was begun before somebody's change can be valid once that change is forgotten. The log takes
// it at that position only.
void GenerationShare::Write(Batch batch) {
  v1::GenerationNotice notice;
  notice.set_sender(id_);
  notice.set_number(batch.number);
  notice.set_all_others_forgotten(batch.forget);
  std::vector<Generations::Entry> entries;
  std::vector<std::string> words;
  std::optional<Generations::Change> forgotten;
  {
    absl::MutexLock lock(mutex_);
    if (batch.round != round_ || state_ == State::kAway) return;
    if (batch.forget) {
      forgotten = generations_.ForgetAll();
      entries = forgotten->entries;
    } else {
      entries = generations_.Find(batch.names);
    }
    SetEntries(entries, notice);
    words = WriteCommand(names_, at_, notice);
  }
  if (forgotten.has_value()) Persist(*forgotten);
  link_.Send(std::move(words), [this, batch = std::move(batch),
                                entries = std::move(entries)](const redis::ReplyOr& reply) mutable {
    OnWritten(std::move(batch), entries, reply);
  });
}

void GenerationShare::OnWritten(Batch batch, const std::vector<Generations::Entry>& entries,
                                const redis::ReplyOr& reply) {
  const absl::StatusOr<WriteAnswer> answer = ReadWriteAnswer(reply);
  if (!answer.ok()) return Doubt(batch.round, answer.status());
  switch (answer->outcome) {
    case WriteAnswer::Outcome::kLost:
      return Doubt(batch.round, absl::DataLossError("Redis has lost the generations"));
    case WriteAnswer::Outcome::kOvertaken:
      // What was written was heard before this; what it concerns has been drawn anew.
      return Write(std::move(batch));
    case WriteAnswer::Outcome::kWritten:
      break;
  }
  AckTable::Verdicts verdicts;
  {
    absl::MutexLock lock(mutex_);
    if (batch.round != round_ || state_ == State::kAway) return;
    generations_.MarkShared(entries);
    replicas_ = answer->listeners;
    verdicts = acks_.Expect(batch.number, answer->listeners);
    writing_ = false;
  }
  TellAll(std::move(verdicts));
  batch.of_catching_up ? TellNext(batch.round) : WriteNext();
}

void GenerationShare::OnMessage(std::string_view channel, std::string_view message) {
  if (channel != names_.notices) return OnAck(message);
  const absl::StatusOr<Heard> heard = ReadNotice(message);
  if (heard.ok()) {
    OnNotice(*heard);
  } else {
    log_.Warn("something else speaks on the channel of invalidations", {{"error", heard.status()}});
  }
}

void GenerationShare::OnNotice(const Heard& heard) {
  const v1::GenerationNotice& notice = heard.notice;
  const bool own = notice.sender() == id_;
  Generations::Change change;
  AckTable::Verdicts verdicts;
  bool missed = false;
  {
    absl::MutexLock lock(mutex_);
    if (!at_.epoch.empty()) {
      missed = heard.at.epoch != at_.epoch || heard.at.position != at_.position + 1;
      at_.position = heard.at.position;
      // Before it is merged: it may come from who has not heard what was shared here.
      if (missed) verdicts = StopHearing();
    }
    if (!own) {
      // Outside of a log nobody knows which notice is newer: the next may be of one that was begun
      // by who has not heard this one.
      const bool unshared = at_.epoch.empty();
      change = generations_.Merge(EntriesOf(notice, unshared), notice.all_others_forgotten());
    }
  }
  if (missed) log_.Warn("invalidations were missed: Redis is asked for all of them");
  TellAll(std::move(verdicts));
  if (own) return;
  Persist(change);
  TellDrawn(change);
  Acknowledge(notice);
}

void GenerationShare::Acknowledge(const v1::GenerationNotice& notice) {
  if (notice.number() == 0) return;
  link_.Send(
      {"PUBLISH", absl::StrCat(acks_prefix_, notice.sender()), absl::StrCat(notice.number())},
      nullptr);
}

void GenerationShare::OnAck(std::string_view number) {
  std::uint64_t of = 0;
  if (!absl::SimpleAtoi(number, &of)) return;
  AckTable::Verdicts verdicts;
  {
    absl::MutexLock lock(mutex_);
    verdicts = acks_.Acknowledge(of);
  }
  TellAll(std::move(verdicts));
}

// Writes what was drawn anew when something was merged; while catching up that is done at its end.
void GenerationShare::TellDrawn(const Generations::Change& change) {
  Wish wish{.forget = ForgottenHere(change)};
  for (const Generations::Entry& entry : change.entries) {
    if (IsUnshared(entry)) wish.names.push_back(entry.first);
  }
  Enqueue(std::move(wish));
}

void GenerationShare::Persist(const Generations::Change& change) {
  if (on_heard_ && (!change.entries.empty() || change.all_others_forgotten)) on_heard_(change);
}

void GenerationShare::TellAll(AckTable::Verdicts verdicts) {
  for (AckTable::Verdict& verdict : verdicts) verdict.Tell();
}

}  // namespace chasqui::cache
