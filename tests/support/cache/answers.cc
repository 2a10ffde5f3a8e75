// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cache/answers.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "absl/log/check.h"

namespace chasqui::testing {
namespace {

constexpr std::size_t kEventBytes = 512;

std::string RandomBytes(std::mt19937_64& random, std::size_t size) {
  std::string bytes;
  while (bytes.size() < size) {
    const std::uint64_t word = random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace

cache::AnswerKey KeyNumber(std::uint64_t number) {
  std::mt19937_64 random(number);
  const auto key = cache::AnswerKey::Parse(RandomBytes(random, cache::AnswerKey::kBytes));
  CHECK(key.has_value());
  return *key;
}

cache::AnswerPtr MakeAnswer(std::uint64_t number, const AnswerSpec& spec) {
  std::mt19937_64 random(number * 1'000'003 + spec.version);
  auto answer = std::make_shared<cache::StoredAnswer>();
  answer->set_key(std::string(KeyNumber(number).bytes()));
  answer->set_model("tiny");
  answer->set_expires_us(cache::ToMicros(spec.expires));
  answer->set_cost_us(spec.cost_us);
  for (std::size_t left = spec.bytes; left > 0;) {
    const std::size_t size = std::min(left, kEventBytes);
    answer->add_events(RandomBytes(random, size));
    left -= size;
  }
  return answer;
}

}  // namespace chasqui::testing
