// SPDX-License-Identifier: Apache-2.0
#include "services/cache/flight/flight.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

namespace chasqui::cache {
namespace {

// A shared string beside its text.
constexpr std::size_t kEventOverhead = 64;

}  // namespace

void Flight::Waiting::Wake(std::shared_ptr<Waiting> waiting) {
  rpc::Loop& loop = waiting->loop;
  if (loop.IsCurrent()) {
    waiting->woken.Set(true);
  } else {
    loop.Post([waiting = std::move(waiting)] { waiting->woken.Set(true); });
  }
}

Flight::~Flight() {
  absl::MutexLock lock(mutex_);
  total_bytes_.fetch_sub(bytes_, std::memory_order_relaxed);
}

void Flight::WakeAll() {
  for (std::shared_ptr<Waiting>& waiting : std::exchange(waiting_, {})) {
    Waiting::Wake(std::move(waiting));
  }
}

bool Flight::Add(std::string event) {
  const std::size_t bytes = event.size() + kEventOverhead;
  if (bytes_ + bytes > max_bytes_) return false;
  if (total_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes > max_total_bytes_) {
    total_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  bytes_ += bytes;
  events_.push_back(std::make_shared<const std::string>(std::move(event)));
  return true;
}

void Flight::BeginToMake() {
  absl::MutexLock lock(mutex_);
  if (state_ == State::kSought) state_ = State::kLed;
  WakeAll();
}

void Flight::Found(const StoredAnswer& answer, v1::Tier tier) {
  absl::MutexLock lock(mutex_);
  bool fits = true;
  for (const std::string& event : answer.events()) fits = fits && Add(event);
  tier_ = tier;
  cost_ = {.prompt_tokens = answer.prompt_tokens(),
           .completion_tokens = answer.completion_tokens(),
           .time = std::chrono::microseconds(answer.cost_us())};
  state_ = fits ? State::kComplete : State::kTooLong;
  WakeAll();
}

absl::Status Flight::Append(std::vector<std::string> events) {
  absl::MutexLock lock(mutex_);
  if (state_ == State::kLed) {
    for (std::string& event : events) {
      if (Add(std::move(event))) continue;
      state_ = State::kTooLong;
      break;
    }
    WakeAll();
  }
  if (state_ != State::kTooLong) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("the answer has more than ", max_bytes_,
                                                   " bytes, or all that are being made more than ",
                                                   max_total_bytes_, ": it is not remembered"));
}

void Flight::Complete(const Cost& cost) {
  absl::MutexLock lock(mutex_);
  if (state_ == State::kLed) state_ = State::kComplete;
  cost_ = cost;
  WakeAll();
}

void Flight::Fail(absl::Status failure) {
  absl::MutexLock lock(mutex_);
  if (state_ == State::kLed || state_ == State::kSought) {
    state_ = State::kFailed;
    failure_ = std::move(failure);
  }
  WakeAll();
}

void Flight::Leave() {
  absl::MutexLock lock(mutex_);
  if (state_ == State::kLed || state_ == State::kSought) state_ = State::kLeaderless;
  WakeAll();
}

std::optional<v1::Tier> Flight::Source(const std::shared_ptr<Waiting>& waiting) {
  absl::MutexLock lock(mutex_);
  if (state_ != State::kSought) return tier_;
  waiting_.push_back(waiting);
  return std::nullopt;
}

std::optional<Flight::Next> Flight::After(std::size_t position, bool may_lead,
                                          std::size_t max_bytes,
                                          const std::shared_ptr<Waiting>& waiting) {
  absl::MutexLock lock(mutex_);
  if (state_ != State::kFailed && state_ != State::kTooLong && position < events_.size()) {
    Next next{.kind = Next::Kind::kEvents};
    std::size_t bytes = 0;
    while (position < events_.size() && (bytes == 0 || bytes < max_bytes)) {
      next.events.push_back(events_[position++]);
      bytes += next.events.back()->size();
    }
    return next;
  }
  std::optional<Next> end = AtEnd(may_lead);
  if (!end.has_value()) waiting_.push_back(waiting);
  return end;
}

std::optional<Flight::Next> Flight::AtEnd(bool may_lead) {
  switch (state_) {
    case State::kComplete:
      return Next{.kind = Next::Kind::kEnd};
    case State::kFailed:
      return Next{.kind = Next::Kind::kFailed, .failure = failure_};
    case State::kTooLong:
      return Next{.kind = Next::Kind::kTooLong};
    case State::kLeaderless:
      if (!may_lead) return Next{.kind = Next::Kind::kLost};
      state_ = State::kLed;
      return Next{.kind = Next::Kind::kLead};
    case State::kSought:
    case State::kLed:
      return std::nullopt;
  }
  return std::nullopt;
}

std::vector<EventPtr> Flight::events() const {
  absl::MutexLock lock(mutex_);
  return events_;
}

Flight::Cost Flight::cost() const {
  absl::MutexLock lock(mutex_);
  return cost_;
}

bool Flight::over() const {
  absl::MutexLock lock(mutex_);
  return state_ == State::kComplete || state_ == State::kFailed || state_ == State::kTooLong;
}

}  // namespace chasqui::cache
