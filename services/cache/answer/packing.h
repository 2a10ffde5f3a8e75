// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/cache/answer/answer.h"

// How answers look in Redis and on disk: a StoredAnswer in an Envelope with a checksum, packed by
// zstd from a size on. All functions are pure.
namespace chasqui::cache {

struct PackingOptions {
  // Answers of so many bytes are packed.
  std::size_t min_bytes = 2048;
  // Of zstd.
  int level = 3;
};

// What an answer may have beside its events: its names and the request it answers.
inline constexpr std::size_t kUnpackedOverhead = 32 << 20;

std::string Pack(const StoredAnswer& answer, const PackingOptions& options);

// The answer of `key`. DATA_LOSS, which says why, when `bytes` are damaged, are another answer's,
// or would unpack to more than `max_bytes`: no more than that is ever allocated.
absl::StatusOr<AnswerPtr> Unpack(std::string_view bytes, const AnswerKey& key,
                                 std::size_t max_bytes);

}  // namespace chasqui::cache
