// SPDX-License-Identifier: Apache-2.0
// Who leaves a full queue for whom.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "services/router/queue/wait_queue.h"

namespace chasqui::router {

bool WaitQueue::MakeRoom(const Ticket& newcomer, const Bounds& bounds, time::SteadyTime now,
                         std::vector<std::shared_ptr<Ticket>>& displaced) {
  if (Fits(newcomer, bounds, {})) return true;
  Age(now);
  std::vector<Queued*> leaving = LowerThan(newcomer, bounds);
  if (leaving.empty()) leaving = OfTheHeaviest(newcomer, bounds);
  for (Queued* item : leaving) displaced.push_back(TakeOut(*item));
  return !leaving.empty();
}

// Whether it does once those in `without` have left.
bool WaitQueue::Fits(const Ticket& newcomer, const Bounds& bounds, const Work& without) const {
  const std::uint64_t requests = size() - without.requests;
  const std::uint64_t waiting_tokens = tokens() - without.tokens;
  return requests < bounds.max_requests &&
         (requests == 0 || waiting_tokens + newcomer.cost_tokens <= bounds.max_tokens);
}

// The newest of the classes below the newcomer's, the lowest class first, as many as need be; none
// when all of them would not do.
std::vector<Queued*> WaitQueue::LowerThan(const Ticket& newcomer, const Bounds& bounds) {
  Work all;
  for (std::size_t level = 0; level < Index(newcomer.priority); ++level) {
    all += classes_[level].work();
  }
  if (!Fits(newcomer, bounds, all)) return {};
  std::vector<Queued*> leaving;
  Work without;
  for (std::size_t level = 0; level < Index(newcomer.priority); ++level) {
    // One list for each class they came with; those that came with a lower one have waited longer.
    for (std::size_t base = level + 1; base-- > 0;) {
      List& list = waiting_[base][level];
      for (auto it = list.rbegin(); it != list.rend(); ++it) {
        leaving.push_back(&*it);
        without += {.requests = 1, .tokens = it->ticket->cost_tokens};
        if (Fits(newcomer, bounds, without)) return leaving;
      }
    }
  }
  return {};
}

// As a longest queue is cut in stochastic fairness queueing (McKenney, 1990): a tenant that fills
// the queue must not keep the others out of it.
std::vector<Queued*> WaitQueue::OfTheHeaviest(const Ticket& newcomer, const Bounds& bounds) const {
  const DeficitRoundRobin& level = classes_[Index(newcomer.priority)];
  const TenantFlow* heaviest = level.Heaviest();
  if (heaviest == nullptr || heaviest->tenant == newcomer.tenant) return {};
  const Work all{.requests = heaviest->waiting.size(), .tokens = heaviest->tokens};
  if (!Fits(newcomer, bounds, all)) return {};
  const TenantFlow* own = level.Find(newcomer.tenant);
  const std::uint64_t own_tokens = (own != nullptr ? own->tokens : 0) + newcomer.cost_tokens;
  const std::uint64_t own_weight = level.WeightOf(newcomer.tenant);
  std::vector<Queued*> leaving;
  Work without;
  for (auto it = heaviest->waiting.rbegin(); it != heaviest->waiting.rend(); ++it) {
    without += {.requests = 1, .tokens = (*it)->ticket->cost_tokens};
    // Compared as shares: tokens / weight.
    if ((heaviest->tokens - without.tokens) * own_weight < own_tokens * heaviest->weight) return {};
    leaving.push_back(*it);
    if (Fits(newcomer, bounds, without)) return leaving;
  }
  return {};
}

}  // namespace chasqui::router
