// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/deficit_round_robin.h"

#include <algorithm>
#include <cmath>

namespace chasqui::router {
namespace {

double TokensForWeight(const TenantFlow& flow) {
  return static_cast<double>(flow.tokens) / static_cast<double>(flow.weight);
}

}  // namespace

void DeficitRoundRobin::Add(Queued& item) {
  const auto [it, added] = flows_.try_emplace(item.ticket->tenant);
  TenantFlow& flow = it->second;
  item.flow = &flow;
  item.in_flow = flow.waiting.insert(flow.waiting.end(), &item);
  flow.tokens += item.ticket->cost_tokens;
  work_ += {.requests = 1, .tokens = item.ticket->cost_tokens};
  if (!added) return;
  flow.tenant = item.ticket->tenant;
  flow.weight = WeightOf(flow.tenant);
  // At the end of the ring: it is visited in this round, too.
  flow.number = next_number_++;
  flow.round = round_ - 1;
  turns_.emplace(TurnOf(flow), &flow);
}

void DeficitRoundRobin::Remove(Queued& item) {
  TenantFlow& flow = *item.flow;
  const bool first = flow.waiting.front() == &item;
  if (first) turns_.erase(TurnOf(flow));
  TakeOut(item);
  if (flow.waiting.empty()) {
    flows_.erase(flows_.find(flow.tenant));
  } else if (first) {
    turns_.emplace(TurnOf(flow), &flow);
  }
}

Queued* DeficitRoundRobin::Next() const {
  return turns_.empty() ? nullptr : turns_.begin()->second->waiting.front();
}

void DeficitRoundRobin::ServeNext() {
  const auto turn = turns_.begin();
  TenantFlow& flow = *turn->second;
  const std::uint64_t round = turn->first.first;
  turns_.erase(turn);
  const std::uint64_t visits = round - flow.round;
  flow.deficit +=
      visits * options_.quantum_tokens * flow.weight - flow.waiting.front()->ticket->cost_tokens;
  flow.round = round;
  // A turn may lie in a former round, where the request that it was waiting for has left.
  round_ = std::max(round_, round);
  TakeOut(*flow.waiting.front());
  if (flow.waiting.empty()) {
    flows_.erase(flows_.find(flow.tenant));  // and what it might still have had
  } else {
    turns_.emplace(TurnOf(flow), &flow);
  }
}

const TenantFlow* DeficitRoundRobin::Find(std::string_view tenant) const {
  const auto it = flows_.find(tenant);
  return it == flows_.end() ? nullptr : &it->second;
}

const TenantFlow* DeficitRoundRobin::Heaviest() const {
  const TenantFlow* heaviest = nullptr;
  for (const auto& [tenant, flow] : flows_) {
    if (heaviest == nullptr || TokensForWeight(flow) > TokensForWeight(*heaviest)) {
      heaviest = &flow;
    }
  }
  return heaviest;
}

std::uint64_t DeficitRoundRobin::WeightOf(std::string_view tenant) const {
  const auto it = options_.weights.find(tenant);
  return it == options_.weights.end() ? 1 : it->second;
}

Work DeficitRoundRobin::Before(const Queued& item) const {
  Work before;
  for (const Queued* other : item.flow->waiting) {
    if (other == &item) break;
    before += {.requests = 1, .tokens = other->ticket->cost_tokens};
  }
  const std::uint64_t until = before.tokens + item.ticket->cost_tokens;
  before += Before({RoundOf(*item.flow, until), item.flow->number});
  return before;
}

Work DeficitRoundRobin::BeforeNewcomer(std::string_view tenant, std::uint64_t cost) const {
  if (const TenantFlow* own = Find(tenant)) {
    Work before{.requests = own->waiting.size(), .tokens = own->tokens};
    before += Before({RoundOf(*own, own->tokens + cost), own->number});
    return before;
  }
  TenantFlow newcomer;
  newcomer.weight = WeightOf(tenant);
  newcomer.round = round_ - 1;
  return Before({RoundOf(newcomer, cost), next_number_});
}

Work DeficitRoundRobin::Before(Turn turn) const {
  const auto [round, number] = turn;
  Work before;
  for (const auto& [tenant, flow] : flows_) {
    if (flow.number == number || TurnOf(flow) > turn) continue;
    const std::uint64_t visits = round - flow.round - (flow.number > number ? 1 : 0);
    const std::uint64_t tokens =
        std::min(flow.tokens, flow.deficit + visits * options_.quantum_tokens * flow.weight);
    const double part = static_cast<double>(tokens) / static_cast<double>(flow.tokens);
    const double requests = std::floor(part * static_cast<double>(flow.waiting.size()));
    before += {.requests = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(requests)),
               .tokens = tokens};
  }
  return before;
}

DeficitRoundRobin::Turn DeficitRoundRobin::TurnOf(const TenantFlow& flow) const {
  return {RoundOf(flow, flow.waiting.front()->ticket->cost_tokens), flow.number};
}

std::uint64_t DeficitRoundRobin::RoundOf(const TenantFlow& flow, std::uint64_t tokens) const {
  if (tokens <= flow.deficit) return flow.round;
  const std::uint64_t quantum = options_.quantum_tokens * flow.weight;
  return flow.round + (tokens - flow.deficit + quantum - 1) / quantum;
}

void DeficitRoundRobin::TakeOut(Queued& item) {
  TenantFlow& flow = *item.flow;
  flow.waiting.erase(item.in_flow);
  flow.tokens -= item.ticket->cost_tokens;
  --work_.requests;
  work_.tokens -= item.ticket->cost_tokens;
  item.flow = nullptr;
}

}  // namespace chasqui::router
