// SPDX-License-Identifier: Apache-2.0
#include "services/router/policy/prefix_affinity.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

struct Case {
  std::string name;
  // Who took the first beginning of the prompt, and who the first two, by order.
  std::vector<std::uint64_t> took_first;
  std::vector<std::uint64_t> took_both;
  std::vector<Candidate> candidates;
  std::size_t chosen;
  PickReason reason;
};

class PrefixAffinityPolicyTable : public ::testing::TestWithParam<Case> {};

TEST_P(PrefixAffinityPolicyTable, Chooses) {
  const std::vector<std::uint64_t> prompt = {101, 102};
  PrefixAffinityPolicy policy({.load_margin = 0.25, .table_entries = 1024});
  for (const auto order : GetParam().took_first) policy.Took(order, PrefixHashes(prompt).first(1));
  for (const auto order : GetParam().took_both) policy.Took(order, prompt);

  const Choice choice = policy.Choose(GetParam().candidates, prompt);

  EXPECT_EQ(choice.index, GetParam().chosen);
  EXPECT_EQ(choice.reason, GetParam().reason);
}

constexpr Candidate Of8(std::uint64_t order, std::uint32_t load) {
  return {.order = order, .load = load, .slots = 8};
}

INSTANTIATE_TEST_SUITE_P(
    All, PrefixAffinityPolicyTable,
    ::testing::Values(
        Case{"LeastLoadedWhenNobodyTookIt",
             {},
             {},
             {Of8(0, 1), Of8(1, 0)},
             1,
             PickReason::kPrefixUnknown},
        Case{"TheOneThatTookItThoughBusier",
             {},
             {0},
             {Of8(0, 2), Of8(1, 0)},
             0,
             PickReason::kPrefixHit},
        Case{"LeastLoadedBeyondTheMargin",
             {},
             {0},
             {Of8(0, 3), Of8(1, 0)},
             1,
             PickReason::kPrefixBusy},
        Case{"TheLongestBeginning", {0}, {1}, {Of8(0, 0), Of8(1, 1)}, 1, PickReason::kPrefixHit},
        Case{"AShorterOneWhenTheLongestIsTooBusy",
             {0},
             {1},
             {Of8(0, 1), Of8(1, 7), Of8(2, 0)},
             0,
             PickReason::kPrefixHit},
        Case{"LeastLoadedOfSeveralThatTookIt",
             {},
             {0, 1, 2},
             {Of8(0, 2), Of8(1, 1), Of8(2, 2), Of8(3, 0)},
             1,
             PickReason::kPrefixHit},
        Case{"NobodyThatLeft", {}, {4}, {Of8(3, 1), Of8(5, 0)}, 1, PickReason::kPrefixBusy},
        Case{"ASlowOneOnlyWithinTheMarginOfItsCapacity",
             {},
             {0},
             {{.order = 0, .load = 1, .slots = 8, .tokens_per_second = 80},
              {.order = 1, .load = 0, .slots = 8, .tokens_per_second = 800}},
             1,
             PickReason::kPrefixBusy}),
    [](const auto& test) { return test.param.name; });

TEST(PrefixAffinityPolicy, IsLeastConnectionsWithoutAPrompt) {
  PrefixAffinityPolicy policy({.load_margin = 0.25, .table_entries = 1024});
  const std::vector<Candidate> idle = {Of8(0, 0), Of8(1, 0)};

  EXPECT_EQ(policy.Choose(idle, {}).index, 0u);
  EXPECT_EQ(policy.Choose(idle, {}).index, 1u);
  EXPECT_EQ(policy.Choose(idle, {}).reason, PickReason::kLeastLoaded);
}

// Workers of 16 slots each that requests come to and leave, with the prefixes they hold: the last
// `kKept` conversations, as a KV cache does.
class Fleet {
 public:
  static constexpr std::uint32_t kSlots = 16;
  static constexpr std::size_t kKept = 16;

  explicit Fleet(std::size_t workers) : held_(workers) {
    for (std::size_t i = 0; i < workers; ++i) candidates_.push_back({.order = i, .slots = kSlots});
  }

  std::span<const Candidate> candidates() const { return candidates_; }

  // Whether the worker held what the prompt begins with.
  bool Send(std::size_t worker, std::uint64_t conversation) {
    ++candidates_[worker].load;
    running_.push_back(worker);
    std::deque<std::uint64_t>& held = held_[worker];
    const bool hit = std::erase(held, conversation) != 0;
    held.push_back(conversation);
    if (held.size() > kKept) held.pop_front();
    return hit;
  }

  void EndOne(std::mt19937_64& random) {
    std::swap(running_[random() % running_.size()], running_.back());
    --candidates_[running_.back()].load;
    running_.pop_back();
  }

  std::size_t running() const { return running_.size(); }
  std::uint32_t Least() const { return std::ranges::min(candidates_, {}, &Candidate::load).load; }

 private:
  std::vector<Candidate> candidates_;
  std::vector<std::deque<std::uint64_t>> held_;
  std::vector<std::size_t> running_;
};

TEST(PrefixAffinityPolicy, MakesNoHotSpotOfAPrefixThatMostRequestsHave) {
  constexpr double kMargin = 0.25;
  std::mt19937_64 random(3);
  PrefixAffinityPolicy policy({.load_margin = kMargin, .table_entries = 100'000});
  Fleet fleet(20);
  std::vector<int> sent(20);

  for (std::uint64_t i = 0; i < 20'000; ++i) {
    while (fleet.running() >= 160) fleet.EndOne(random);  // half of all slots
    const std::uint64_t prompt = random() % 5 != 0 ? 1 : random();
    const std::uint32_t least = fleet.Least();
    const std::size_t chosen = policy.Choose(fleet.candidates(), {&prompt, 1}).index;
    // What was given is never further above the least loaded than the margin.
    ASSERT_LE(fleet.candidates()[chosen].load, least + kMargin * Fleet::kSlots);
    fleet.Send(chosen, prompt);
    policy.Took(fleet.candidates()[chosen].order, {&prompt, 1});
    ++sent[chosen];
  }

  const auto [fewest, most] = std::ranges::minmax(sent);
  EXPECT_LT(most, 2 * 20'000 / 20);
  EXPECT_GT(fewest, 20'000 / 20 / 2);
}

// The share of second and later turns that go where the conversation's prefix is.
double HitRate(BalancingPolicy& policy) {
  std::mt19937_64 random(5);
  Fleet fleet(20);
  std::vector<std::vector<std::uint64_t>> conversations(200);
  int later_turns = 0;
  int hits = 0;
  for (int i = 0; i < 20'000; ++i) {
    while (fleet.running() >= 120) fleet.EndOne(random);
    const std::size_t which = random() % conversations.size();
    std::vector<std::uint64_t>& prompt = conversations[which];
    if (prompt.size() == 10) prompt.clear();  // another conversation
    prompt.push_back(random());
    const Choice choice = policy.Choose(fleet.candidates(), prompt);
    const bool hit = fleet.Send(choice.index, prompt.front());
    policy.Took(fleet.candidates()[choice.index].order, prompt);
    if (prompt.size() == 1) continue;
    ++later_turns;
    hits += hit ? 1 : 0;
  }
  return static_cast<double>(hits) / later_turns;
}

TEST(PrefixAffinityPolicy, HitsFarMoreOftenThanLeastConnectionsInConversations) {
  PrefixAffinityPolicy affinity({.load_margin = 0.25, .table_entries = 100'000});
  LeastConnectionsPolicy least_connections;

  const double with = HitRate(affinity);
  const double without = HitRate(least_connections);

  EXPECT_GT(with, 0.8);
  EXPECT_GT(with, 2 * without) << without;
}

}  // namespace
}  // namespace chasqui::router
