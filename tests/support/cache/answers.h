// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/time/clock.h"
#include "services/cache/answer/answer.h"

namespace chasqui::testing {

// Keys and answers for the tests of what remembers them. The same number gives the same key and,
// with the same rest, the same answer.

// As good as random, like real ones.
cache::AnswerKey KeyNumber(std::uint64_t number);

struct AnswerSpec {
  // Of its events, which zstd does not make smaller.
  std::size_t bytes = 1000;
  time::SystemTime expires = time::SystemTime::max();
  std::int64_t cost_us = 1'000'000;
  // Another one gives other events to the same key.
  std::uint64_t version = 0;
};
cache::AnswerPtr MakeAnswer(std::uint64_t number, const AnswerSpec& spec = {});

}  // namespace chasqui::testing
