// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/ack_table.h"

namespace chasqui::cache {

std::uint64_t AckTable::Add(Done done, time::SteadyTime deadline) {
  waiting_.emplace(next_number_, Waiting{.done = std::move(done), .deadline = deadline});
  return next_number_++;
}

std::uint64_t AckTable::BeginBatch(std::span<const std::uint64_t> waiting) {
  Batch batch;
  for (const std::uint64_t number : waiting) {
    const auto it = waiting_.find(number);
    if (it == waiting_.end()) continue;
    it->second.batch = next_number_;
    batch.members.push_back(number);
  }
  if (batch.members.empty()) return 0;
  batch.waiting = batch.members.size();
  batches_.emplace(next_number_, std::move(batch));
  return next_number_++;
}

AckTable::Verdicts AckTable::Expect(std::uint64_t batch, std::uint32_t replicas) {
  const auto it = batches_.find(batch);
  if (it == batches_.end()) return {};
  it->second.expected = replicas;
  return TakeIfAll(it);
}

AckTable::Verdicts AckTable::Acknowledge(std::uint64_t batch) {
  const auto it = batches_.find(batch);
  if (it == batches_.end()) return {};
  ++it->second.applied;
  return TakeIfAll(it);
}

AckTable::Verdicts AckTable::TakeIfAll(Batches::iterator it) {
  const Batch& batch = it->second;
  if (!batch.expected.has_value() || batch.applied < *batch.expected) return {};
  Verdicts verdicts;
  for (const std::uint64_t number : batch.members) {
    auto node = waiting_.extract(number);
    if (node.empty()) continue;
    verdicts.push_back({.done = std::move(node.mapped().done), .replicas = batch.applied});
  }
  batches_.erase(it);
  return verdicts;
}

std::uint32_t AckTable::Leave(std::uint64_t batch) {
  const auto it = batches_.find(batch);
  if (it == batches_.end()) return 1;
  const std::uint32_t applied = it->second.applied;
  if (--it->second.waiting == 0) batches_.erase(it);
  return applied;
}

AckTable::Verdicts AckTable::TakeLate(time::SteadyTime now) {
  Verdicts late;
  absl::erase_if(waiting_, [&](auto& entry) {
    Waiting& waiting = entry.second;
    if (waiting.deadline > now) return false;
    late.push_back(
        {.done = std::move(waiting.done), .replicas = Leave(waiting.batch), .pending = true});
    return true;
  });
  return late;
}

}  // namespace chasqui::cache
