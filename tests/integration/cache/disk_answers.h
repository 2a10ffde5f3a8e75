// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "common/time/clock.h"
#include "services/cache/cache_config.h"
#include "tests/unit/services/cache/answers.h"

namespace chasqui::cache {

inline config::v1::DiskTierConfig CrashConfig(const std::string& path) {
  config::v1::DiskTierConfig config = DefaultConfig().disk();
  config.set_path(path);
  // More than is ever written.
  config.set_max_bytes(4ULL << 30);
  return config;
}

// The same in every process: sizes vary, and nothing expires.
inline AnswerPtr CrashAnswer(std::uint64_t number) {
  const time::SystemTime never = FromMicros(4'000'000'000LL * 1'000'000);
  return AnswerNumber(number, never, 1 + number * 7919 % 20'000);
}

}  // namespace chasqui::cache
