// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"

namespace chasqui::bench {

// Who is asked for answers.
enum class AnswerLoadKind {
  kLookup,    // a cache service, for what it remembers
  kRedis,     // a Redis server, by GET
  kGenerate,  // whoever serves InferenceService
};

struct AnswerLoadOptions {
  std::string target;
  AnswerLoadKind kind = AnswerLoadKind::kLookup;
  int users = 1;
  std::uint64_t answers = 200;  // that are asked for, in turn
  std::size_t answer_bytes = 2000;
  std::uint32_t max_tokens = 32;  // of a generated answer
  bool bypass = false;            // the cache
  int window_ms = 1000;
  int warm_up_ms = 300;
};

// Asks as many users do, one answer after the other, and tells how many came in a second and how
// long each took. The first error ends it. Blocks.
absl::StatusOr<nlohmann::json> MeasureAnswers(const AnswerLoadOptions& options);

}  // namespace chasqui::bench
