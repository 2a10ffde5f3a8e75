// SPDX-License-Identifier: Apache-2.0
#include "services/cache/answer/answer.h"

#include <chrono>
#include <optional>

#include "absl/log/check.h"

namespace chasqui::cache {

AnswerKey KeyOf(const StoredAnswer& answer) {
  const std::optional<AnswerKey> key = AnswerKey::Parse(answer.key());
  CHECK(key.has_value());
  return *key;
}

std::size_t MemoryBytes(const StoredAnswer& answer) {
  constexpr std::size_t kBesides = 512;
  constexpr std::size_t kEachEvent = 48;  // a pointer, a string, the allocator's share
  std::size_t bytes = kBesides + answer.request().size();
  for (const std::string& event : answer.events()) bytes += kEachEvent + event.size();
  return bytes;
}

std::int64_t ToMicros(time::SystemTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

time::SystemTime FromMicros(std::int64_t micros) {
  return time::SystemTime(
      std::chrono::duration_cast<time::SystemTime::duration>(std::chrono::microseconds(micros)));
}

}  // namespace chasqui::cache
