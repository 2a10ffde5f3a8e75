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

config::v1::BalancingConfig Config(config::v1::BalancingPolicy kind) {
  config::v1::BalancingConfig config;
  config.set_policy(kind);
  config.mutable_prefix_affinity()->set_load_margin_percent(25);
  config.mutable_prefix_affinity()->set_table_entries(100'000);
  return config;
}

void Pick(benchmark::State& state, config::v1::BalancingPolicy kind) {
  std::mt19937_64 random(2);
  const std::unique_ptr<BalancingPolicy> policy =
      MakePolicy(Config(kind), [&random](size_t bound) { return random() % bound; });
  std::vector<Candidate> candidates = MakeCandidates(state.range(0));

  for (auto _ : state) {
    size_t chosen = policy->Choose(candidates, {}).index;
    candidates[chosen].load = (candidates[chosen].load + 1) % 8;  // so that choices move
    benchmark::DoNotOptimize(chosen);
  }
}

BENCHMARK_CAPTURE(Pick, least_connections, config::v1::BALANCING_POLICY_LEAST_CONNECTIONS)
    ->Range(2, 1024);
BENCHMARK_CAPTURE(Pick, round_robin, config::v1::BALANCING_POLICY_ROUND_ROBIN)->Range(2, 1024);
BENCHMARK_CAPTURE(Pick, random_of_two, config::v1::BALANCING_POLICY_RANDOM_OF_TWO)->Range(2, 1024);
BENCHMARK_CAPTURE(Pick, weighted_response_time, config::v1::BALANCING_POLICY_WEIGHTED_RESPONSE_TIME)
    ->Range(2, 1024);

// Choosing by prompts of 36 beginnings with a full table of 100,000: where nothing of the prompt is
// known, where a worker took all of it, and, at worst, where four workers took all of it and left.
enum class Known { kNothing, kAll, kGone };

void PickByPrefix(benchmark::State& state, Known known) {
  std::mt19937_64 random(2);
  const std::unique_ptr<BalancingPolicy> policy =
      MakePolicy(Config(config::v1::BALANCING_POLICY_PREFIX_AFFINITY), nullptr);
  std::vector<Candidate> candidates = MakeCandidates(state.range(0));
  std::vector<std::vector<uint64_t>> prompts(500);
  for (std::vector<uint64_t>& prompt : prompts) {
    for (int i = 0; i < 36; ++i) prompt.push_back(random());
  }
  for (int i = 0; i < 200'000; ++i) {
    const uint64_t other = random();
    policy->Took(random() % candidates.size(), {&other, 1});
  }
  for (const std::vector<uint64_t>& prompt : prompts) {
    if (known == Known::kAll) policy->Took(random() % candidates.size(), prompt);
    for (uint64_t i = 0; known == Known::kGone && i < 4; ++i) {
      for (const uint64_t& hash : prompt) policy->Took(1000 + random() % 1000, {&hash, 1});
    }
  }

  size_t next = 0;
  for (auto _ : state) {
    size_t chosen = policy->Choose(candidates, prompts[next++ % prompts.size()]).index;
    candidates[chosen].load = (candidates[chosen].load + 1) % 8;
    benchmark::DoNotOptimize(chosen);
  }
}

BENCHMARK_CAPTURE(PickByPrefix, unknown, Known::kNothing)->Arg(2)->Arg(64)->Arg(500);
BENCHMARK_CAPTURE(PickByPrefix, known, Known::kAll)->Arg(2)->Arg(64)->Arg(500);
BENCHMARK_CAPTURE(PickByPrefix, gone, Known::kGone)->Arg(2)->Arg(64)->Arg(500);

// Remembering a prompt of 36 beginnings.
void TookPrefix(benchmark::State& state) {
  std::mt19937_64 random(2);
  const std::unique_ptr<BalancingPolicy> policy =
      MakePolicy(Config(config::v1::BALANCING_POLICY_PREFIX_AFFINITY), nullptr);
  std::vector<std::vector<uint64_t>> prompts(500);
  for (std::vector<uint64_t>& prompt : prompts) {
    for (int i = 0; i < 36; ++i) prompt.push_back(random());
  }

  size_t next = 0;
  for (auto _ : state) policy->Took(7, prompts[next++ % prompts.size()]);
}

BENCHMARK(TookPrefix);

}  // namespace
}  // namespace chasqui::router
