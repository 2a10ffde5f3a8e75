// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/wait_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/log/check.h"

namespace chasqui::router {

WaitQueue::WaitQueue(Options options)
    : options_(std::move(options)),
      classes_{DeficitRoundRobin(options_.fairness), DeficitRoundRobin(options_.fairness),
               DeficitRoundRobin(options_.fairness)} {}

std::uint64_t WaitQueue::tokens() const {
  std::uint64_t tokens = returned_tokens_;
  for (const DeficitRoundRobin& level : classes_) tokens += level.work().tokens;
  return tokens;
}

void WaitQueue::Add(std::shared_ptr<Ticket> ticket) {
  if (!ticket->refusable || !ticket->avoid.empty()) {
    returned_tokens_ += ticket->cost_tokens;
    const std::pair key(ticket->arrival, ticket.get());
    returned_.emplace(key, std::move(ticket));
    return;
  }
  const Priority level = ticket->priority;
  List& list = waiting_[Index(level)][Index(level)];
  const auto it = list.insert(list.end(), Queued{.ticket = std::move(ticket), .level = level});
  index_.emplace(it->ticket.get(), it);
  classes_[Index(level)].Add(*it);
}

bool WaitQueue::Remove(const Ticket& ticket) {
  if (const auto it = index_.find(&ticket); it != index_.end()) {
    TakeOut(*it->second);
    return true;
  }
  const auto it = returned_.find({ticket.arrival, &ticket});
  if (it == returned_.end()) return false;
  returned_tokens_ -= ticket.cost_tokens;
  returned_.erase(it);
  return true;
}

void WaitQueue::Serve(time::SteadyTime now, absl::FunctionRef<Verdict(Ticket&)> judge,
                      absl::FunctionRef<void(std::shared_ptr<Ticket>)> taken) {
  for (auto it = returned_.begin(); it != returned_.end();) {
    const Verdict verdict = judge(*it->second);
    if (verdict == Verdict::kKeepAll) return;
    if (verdict == Verdict::kKeep) {
      ++it;
      continue;
    }
    std::shared_ptr<Ticket> ticket = std::move(it->second);
    returned_tokens_ -= ticket->cost_tokens;
    it = returned_.erase(it);
    taken(std::move(ticket));
  }
  Age(now);
  // The others differ in nothing that a worker would look at: where one must wait, all must.
  while (Queued* next = Next()) {
    if (judge(*next->ticket) != Verdict::kTake) return;
    classes_[Index(next->level)].ServeNext();
    taken(Release(*next));
  }
}

std::vector<std::shared_ptr<Ticket>> WaitQueue::TakeThoseSince(time::SteadyTime then) {
  std::vector<std::shared_ptr<Ticket>> out;
  for (auto& by_level : waiting_) {
    for (List& list : by_level) {
      while (!list.empty() && list.front().ticket->waiting_since <= then) {
        out.push_back(TakeOut(list.front()));
      }
    }
  }
  std::erase_if(returned_, [&](auto& entry) {
    if (entry.second->waiting_since > then || entry.second->outlasts_workers) return false;
    returned_tokens_ -= entry.second->cost_tokens;
    out.push_back(std::move(entry.second));
    return true;
  });
  return out;
}

Work WaitQueue::Before(const Ticket& waiting) const {
  if (const auto it = index_.find(&waiting); it != index_.end()) {
    const Queued& item = *it->second;
    Work before = classes_[Index(item.level)].Before(item);
    before += {.requests = returned_.size(), .tokens = returned_tokens_};
    for (std::size_t i = Index(item.level) + 1; i < kPriorities; ++i) before += classes_[i].work();
    return before;
  }
  Work before;
  for (const auto& [key, ticket] : returned_) {
    if (ticket.get() == &waiting) break;
    before += {.requests = 1, .tokens = ticket->cost_tokens};
  }
  return before;
}

Work WaitQueue::BeforeNewcomer(const Ticket& ticket) const {
  Work before = classes_[Index(ticket.priority)].BeforeNewcomer(ticket.tenant, ticket.cost_tokens);
  before += {.requests = returned_.size(), .tokens = returned_tokens_};
  for (std::size_t i = Index(ticket.priority) + 1; i < kPriorities; ++i) {
    before += classes_[i].work();
  }
  return before;
}

time::Duration WaitQueue::OldestWait(time::SteadyTime now) const {
  time::Duration oldest{};
  for (const auto& by_level : waiting_) {
    for (const List& list : by_level) {
      if (!list.empty()) oldest = std::max(oldest, now - list.front().ticket->waiting_since);
    }
  }
  // Those that came back from an attempt wait anew, so the first need not be the one.
  for (const auto& [key, ticket] : returned_) {
    oldest = std::max(oldest, now - ticket->waiting_since);
  }
  return oldest;
}

WaitQueue::List& WaitQueue::ListOf(const Queued& item) {
  return waiting_[Index(item.ticket->priority)][Index(item.level)];
}

void WaitQueue::Age(time::SteadyTime now) {
  if (options_.ageing == time::Duration::zero()) return;
  for (std::size_t base = 0; base + 1 < kPriorities; ++base) {
    // From below, so that one that waited long goes up as far as it may at once.
    for (std::size_t level = base; level + 1 < kPriorities; ++level) {
      List& list = waiting_[base][level];
      const time::Duration due = options_.ageing * (level + 1 - base);
      while (!list.empty() && now - list.front().ticket->waiting_since >= due) {
        Queued& item = list.front();
        classes_[level].Remove(item);
        item.level = static_cast<Priority>(level + 1);
        List& next = waiting_[base][level + 1];
        next.splice(next.end(), list, list.begin());
        classes_[level + 1].Add(item);
      }
    }
  }
}

Queued* WaitQueue::Next() const {
  for (std::size_t i = kPriorities; i-- > 0;) {
    if (Queued* next = classes_[i].Next()) return next;
  }
  return nullptr;
}

std::shared_ptr<Ticket> WaitQueue::Release(Queued& item) {
  std::shared_ptr<Ticket> ticket = item.ticket;
  const auto it = index_.find(ticket.get());
  ListOf(item).erase(it->second);
  index_.erase(it);
  return ticket;
}

std::shared_ptr<Ticket> WaitQueue::TakeOut(Queued& item) {
  classes_[Index(item.level)].Remove(item);
  return Release(item);
}

}  // namespace chasqui::router
