// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/router/queue/wait_queue.h"
#include "tests/unit/services/router/queue/queue_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

constexpr Priority kLow = Priority::kLow;
constexpr Priority kNormal = Priority::kNormal;
constexpr Priority kHigh = Priority::kHigh;

struct Case {
  std::string name;
  std::vector<TicketOf> waiting;  // numbered from 1
  TicketOf newcomer;
  WaitQueue::Bounds bounds;
  // Who leaves; nothing: the newcomer is refused.
  std::optional<std::vector<std::uint64_t>> displaced;
  time::Duration after = {};
};

class MakeRoomTable : public ::testing::TestWithParam<Case> {};

TEST_P(MakeRoomTable, Displaces) {
  WaitQueue queue;
  std::uint64_t arrival = 1;
  for (TicketOf of : GetParam().waiting) {
    of.arrival = arrival++;
    queue.Add(MakeTicket(of));
  }
  const std::size_t before = queue.size();
  std::vector<std::shared_ptr<Ticket>> displaced;

  const bool taken = queue.MakeRoom(*MakeTicket(GetParam().newcomer), GetParam().bounds,
                                    kStart + GetParam().after, displaced);

  EXPECT_EQ(taken, GetParam().displaced.has_value());
  std::vector<std::uint64_t> who;
  for (const auto& ticket : displaced) who.push_back(ticket->arrival);
  EXPECT_EQ(who, GetParam().displaced.value_or(std::vector<std::uint64_t>()));
  EXPECT_EQ(queue.size(), before - displaced.size());
}

const std::vector<std::uint64_t> kNobody;

INSTANTIATE_TEST_SUITE_P(
    All, MakeRoomTable,
    ::testing::Values(
        Case{"NobodyWhileThereIsRoom", {{}, {}}, {}, {3, 100}, kNobody},
        Case{"NobodyForAnEqual", {{}, {}}, {}, {2, 100}, {}},
        Case{"TheNewestOfALowerClass",
             {{.priority = kLow}, {.priority = kLow}, {}},
             {},
             {3, 100},
             {{2}}},
        Case{"TheLowestClassFirst",
             {{}, {.priority = kLow}, {}},
             {.priority = kHigh},
             {3, 9},
             {{2}}},
        Case{"NobodyOfAHigherClass", {{}, {.priority = kHigh}}, {.priority = kLow}, {2, 100}, {}},
        Case{"NotOneThatHasGoneUp", {{.priority = kLow}, {}}, {}, {2, 100}, {}, 10s},
        Case{"OneThatHasNotGoneUpFarEnough",
             {{.priority = kLow}},
             {.priority = kHigh},
             {1, 100},
             {{1}},
             10s},
        Case{"NoneThatCameBack", {{.returned = true}}, {.priority = kHigh}, {1, 100}, {}},
        Case{"AsManyAsItsTokensNeed",
             {{.cost = 20}, {.cost = 40, .priority = kLow}, {.cost = 40, .priority = kLow}},
             {.cost = 50},
             {9, 100},
             {{3, 2}}},
        Case{"NobodyWhereAllTheirTokensDoNotDo",
             {{.cost = 60}, {.cost = 40, .priority = kLow}},
             {.cost = 50},
             {9, 100},
             {}},
        Case{"NobodyForTokensThatFit", {{.cost = 50}}, {.cost = 50}, {9, 100}, kNobody},
        Case{"NobodyForTheFirstHoweverLarge", {}, {.cost = 1000}, {9, 100}, kNobody},
        Case{"TheNewestOfATenantThatFillsTheQueue",
             {{.tenant = "a"}, {.tenant = "a"}, {.tenant = "a"}},
             {.tenant = "b"},
             {3, 100},
             {{3}}},
        Case{"NobodyOfATenantThatHasNoMore",
             {{.tenant = "a"}, {.tenant = "b"}},
             {.tenant = "b"},
             {2, 100},
             {}},
        Case{"NobodyOfAnEqualTenant", {{.tenant = "a"}}, {.tenant = "b"}, {1, 100}, {}},
        Case{"NobodyWhenNoneMayWait", {}, {.priority = kHigh}, {0, 100}, {}}),
    [](const auto& test) { return test.param.name; });

TEST(MakeRoom, ComparesTenantsByTheirWeights) {
  for (const std::uint32_t weight : {1, 8}) {
    WaitQueue queue({.fairness = {.weights = {{"a", weight}}}});
    for (std::uint64_t i = 1; i <= 4; ++i) {
      queue.Add(MakeTicket({.arrival = i, .tenant = "a", .cost = 10}));
    }
    std::vector<std::shared_ptr<Ticket>> displaced;

    EXPECT_EQ(
        queue.MakeRoom(*MakeTicket({.tenant = "b", .cost = 10}), {4, 1000}, kStart, displaced),
        weight == 1);
  }
}

}  // namespace
}  // namespace chasqui::router
