// SPDX-License-Identifier: Apache-2.0
#include "common/concurrency/gate.h"

#include <vector>

#include <gtest/gtest.h>

#include "common/concurrency/named_thread.h"

namespace chasqui::concurrency {
namespace {

using namespace std::chrono_literals;

TEST(Gate, CountsWhoIsInside) {
  Gate gate;
  {
    auto first = gate.Enter();
    auto second = gate.Enter();
    EXPECT_EQ(gate.inside(), 2);
  }
  EXPECT_EQ(gate.inside(), 0);
}

TEST(Gate, LetsNobodyInOnceClosed) {
  Gate gate;
  gate.Close();

  EXPECT_FALSE(gate.Enter().has_value());
  EXPECT_TRUE(gate.closed());
}

TEST(Gate, IsEmptyAtOnceWhenNobodyIsInside) {
  Gate gate;
  gate.Close();

  EXPECT_TRUE(gate.WaitUntilEmpty(0s));
}

TEST(Gate, GivesUpWaitingAtTheTimeout) {
  Gate gate;
  auto pass = gate.Enter();
  gate.Close();

  EXPECT_FALSE(gate.WaitUntilEmpty(1ms));
}

TEST(Gate, TellsWhenTheLastOneLeaves) {
  Gate gate;
  std::optional<Gate::Pass> pass = gate.Enter();
  gate.Close();
  NamedThread leaver("leaver", [&](std::stop_token) { pass.reset(); });

  EXPECT_TRUE(gate.WaitUntilEmpty(60s));
}

TEST(Gate, ClosesUnderTraffic) {
  Gate gate;
  std::vector<NamedThread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back("enterer", [&](std::stop_token) {
      while (auto pass = gate.Enter()) continue;
    });
  }

  gate.Close();

  EXPECT_TRUE(gate.WaitUntilEmpty(60s));
  threads.clear();
  EXPECT_EQ(gate.inside(), 0);
}

}  // namespace
}  // namespace chasqui::concurrency
