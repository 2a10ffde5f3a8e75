// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "services/cache/answer/answer.h"
#include "tests/support/fake_clock.h"

namespace chasqui::cache {

// A key of its own for each number, as good as random.
inline AnswerKey KeyNumber(std::uint64_t number) {
  std::string bytes(AnswerKey::kBytes, '\0');
  std::uint64_t state = number + 1;
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    // SplitMix64 (Steele, Lea, Flood 2014).
    state += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    mixed ^= mixed >> 31;
    std::memcpy(bytes.data() + i, &mixed, sizeof(mixed));
  }
  return *AnswerKey::Parse(bytes);
}

// An answer to that key that expires at `expires`, with one event of so many bytes.
inline AnswerPtr AnswerNumber(std::uint64_t number, time::SystemTime expires,
                              std::size_t bytes = 100, std::int64_t cost_us = 1000) {
  auto answer = std::make_shared<StoredAnswer>();
  answer->set_key(std::string(KeyNumber(number).bytes()));
  answer->set_model("m");
  answer->set_expires_us(ToMicros(expires));
  answer->set_ttl_us(1'000'000);
  answer->set_cost_us(cost_us);
  std::string event(bytes, '\0');
  // Not to be packed to nothing.
  std::uint64_t state = number * 2654435761 + 1;
  for (char& c : event) {
    state = state * 6364136223846793005 + 1442695040888963407;
    c = static_cast<char>(state >> 56);
  }
  answer->add_events(std::move(event));
  return answer;
}

}  // namespace chasqui::cache
