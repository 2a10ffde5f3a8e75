// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/queue_cost.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

TEST(QueueCost, IsOfPromptAndAnswers) {
  const struct {
    TokenEstimate estimate;
    std::uint32_t cost;
  } kCases[] = {
      {{.prompt = 3, .answer = 20, .open_answers = 0}, 23},
      {{.prompt = 3, .answer = 0, .open_answers = 2}, 3 + 2 * 512},
      {{.prompt = 7, .answer = 0, .open_answers = 0}, 7},
      {{}, 1},
      {{.prompt = 0, .answer = std::uint64_t{1} << 40, .open_answers = 0}, 1U << 31},
  };
  for (const auto& c : kCases) EXPECT_EQ(QueueCost(c.estimate), c.cost);
}

}  // namespace
}  // namespace chasqui::router
