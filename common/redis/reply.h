// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

struct redisReply;

namespace chasqui::redis {

// What a Redis server answers, when that is no error. A value.
struct Reply {
  enum class Kind : std::uint8_t { kNil, kInteger, kText, kArray };

  Kind kind = Kind::kNil;
  std::int64_t integer = 0;
  // Any bytes.
  std::string text;
  // Of arrays, and of maps: key, value, key, value.
  std::vector<Reply> elements;

  bool nil() const { return kind == Kind::kNil; }
};

// Why there is no reply: UNAVAILABLE when the connection broke, FAILED_PRECONDITION when the server
// has no such script, INTERNAL for its other errors.
using ReplyOr = absl::StatusOr<Reply>;

// From hiredis' own; null: the connection broke.
ReplyOr ToReply(const redisReply* reply);

// The integers of an array, or one integer alone. INTERNAL when it is something else.
absl::StatusOr<std::vector<std::int64_t>> Integers(const ReplyOr& reply);

}  // namespace chasqui::redis
