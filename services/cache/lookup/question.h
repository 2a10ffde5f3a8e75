// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "chasqui/cache/v1/cache_service.pb.h"
#include "common/time/clock.h"
#include "services/cache/answer/answer_key.h"

namespace chasqui::cache {

// An Ask that is as it must be. A value.
struct Question {
  AnswerKey key;
  std::string model;
  std::string model_fingerprint;
  std::string tenant;
  std::vector<std::string> tags;
  v1::Ask::Mode mode;
  inference::v1::Priority priority;
  std::optional<time::Duration> ttl;
};

inline constexpr std::size_t kMaxTags = 16;
inline constexpr std::size_t kMaxNameBytes = 128;

// INVALID_ARGUMENT tells all that is wrong.
absl::StatusOr<Question> ReadQuestion(v1::Ask ask);

// Names of an Invalidate, as they stand in the table of generations. INVALID_ARGUMENT tells all
// that is wrong, and when there is nothing.
absl::StatusOr<std::vector<std::string>> NamesOf(const v1::InvalidateRequest& request);

}  // namespace chasqui::cache
