// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "chasqui/config/v1/router_config.pb.h"
#include "services/router/policy/policy.h"

namespace chasqui::router {
namespace {

std::vector<Candidate> MakeCandidates(int64_t count) {
  std::mt19937_64 random(1);
  std::vector<Candidate> candidates;
  for (int64_t i = 0; i < count; ++i) {
    candidates.push_back({.order = static_cast<uint64_t>(i),
                          .load = static_cast<uint32_t>(random() % 8),
                          .slots = 8,
                          .tokens_per_second = 100});
  }
  return candidates;
}

void Pick(benchmark::State& state, config::v1::BalancingPolicy kind) {
  std::mt19937_64 random(2);
  const std::unique_ptr<BalancingPolicy> policy =
      MakePolicy(kind, [&random](size_t bound) { return random() % bound; });
  std::vector<Candidate> candidates = MakeCandidates(state.range(0));

  for (auto _ : state) {
    size_t chosen = policy->Pick(candidates);
    candidates[chosen].load = (candidates[chosen].load + 1) % 8;  // so that choices move
    benchmark::DoNotOptimize(chosen);
  }
}

BENCHMARK_CAPTURE(Pick, least_connections, config::v1::BALANCING_POLICY_LEAST_CONNECTIONS)
    ->Range(2, 1024);
BENCHMARK_CAPTURE(Pick, round_robin, config::v1::BALANCING_POLICY_ROUND_ROBIN)->Range(2, 1024);
BENCHMARK_CAPTURE(Pick, random_of_two, config::v1::BALANCING_POLICY_RANDOM_OF_TWO)->Range(2, 1024);

}  // namespace
}  // namespace chasqui::router
