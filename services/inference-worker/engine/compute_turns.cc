// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/compute_turns.h"

#include <algorithm>
#include <tuple>

#include "absl/log/check.h"

namespace chasqui::worker {

ComputeTurns::~ComputeTurns() {
  const absl::MutexLock lock(mutex_);
  CHECK(accounts_.empty()) << "a member outlives the turns it takes";
}

std::unique_ptr<ComputeTurns::Member> ComputeTurns::Join(std::span<const int> processors) {
  auto member = std::unique_ptr<Member>(new Member(*this));
  auto& own = member->account_.processors;
  for (const int processor : processors) own.set(static_cast<std::size_t>(processor));
  if (processors.empty()) own.set();
  const absl::MutexLock lock(mutex_);
  accounts_.push_back(&member->account_);
  return member;
}

ComputeTurns::Member::~Member() {
  const absl::MutexLock lock(turns_.mutex_);
  std::erase(turns_.accounts_, &account_);
}

std::size_t ComputeTurns::waiting() const {
  const absl::MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count(accounts_, true, &Account::waits));
}

void ComputeTurns::PlaceAmongActive(Account& account) const {
  bool any = false;
  time::Duration first{};
  time::Duration last{};
  for (const Account* other : accounts_) {
    if (!other->waits && !other->runs) continue;
    if ((other->processors & account.processors).none()) continue;
    first = any ? std::min(first, other->used) : other->used;
    last = any ? std::max(last, other->used) : other->used;
    any = true;
  }
  if (any) account.used = std::clamp(account.used, first, last);
}

bool ComputeTurns::MayRun(const Account& account) const {
  const auto order = [](const Account& each) { return std::tuple(each.used, each.arrival); };
  return std::ranges::none_of(accounts_, [&](const Account* other) {
    if (other == &account || (other->processors & account.processors).none()) return false;
    return other->runs || (other->waits && order(*other) < order(account));
  });
}

bool ComputeTurns::MustYield(const Account& account) const {
  return std::ranges::any_of(accounts_, [&](const Account* other) {
    return other->waits && other->used < account.used &&
           (other->processors & account.processors).any();
  });
}

bool ComputeTurns::Enter(Account& account, const std::stop_token& stop) {
  {
    const absl::MutexLock lock(mutex_);
    const time::SteadyTime now = clock_.SteadyNow();
    if (account.runs) {
      account.used += now - account.since;
      account.since = now;
      if (!MustYield(account)) return true;
      account.runs = false;
    } else {
      PlaceAmongActive(account);
    }
    account.arrival = ++arrivals_;
    account.waits = true;
    if (MayRun(account)) {
      account.waits = false;
      account.runs = true;
      account.since = now;
      return true;
    }
  }
  // Locking is enough to have the condition below looked at again. Made before the lock is taken
  // and destroyed after it is released, for both may run the callback.
  const std::stop_callback wake(stop, [this] { const absl::MutexLock lock(mutex_); });
  const absl::MutexLock lock(mutex_);
  const auto is_over = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stop.stop_requested() || MayRun(account);
  };
  mutex_.Await(absl::Condition(&is_over));
  account.waits = false;
  if (stop.stop_requested()) return false;
  account.runs = true;
  account.since = clock_.SteadyNow();
  return true;
}

void ComputeTurns::Leave(Account& account) {
  const absl::MutexLock lock(mutex_);
  if (!account.runs) return;
  account.used += clock_.SteadyNow() - account.since;
  account.runs = false;
}

}  // namespace chasqui::worker
