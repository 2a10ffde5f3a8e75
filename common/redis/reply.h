// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

struct redisReply;

namespace chasqui::redis {

// What a Redis server answers when that is no error. A value.
struct Reply {
  enum class Kind : std::uint8_t { kNil, kInteger, kText, kStatus, kArray };

  Kind kind = Kind::kNil;
  std::int64_t integer = 0;
  // Of a text or a status; any bytes.
  std::string text;
  // Of an array; of a map: key, value, key, value.
  std::vector<Reply> elements;

  bool nil() const { return kind == Kind::kNil; }
  bool is_text() const { return kind == Kind::kText; }
  bool is_array() const { return kind == Kind::kArray; }
};

// Why there is no reply: UNAVAILABLE when the server is away, DEADLINE_EXCEEDED when it is late,
// FAILED_PRECONDITION when it has no such script, INTERNAL for its other errors.
using ReplyOr = absl::StatusOr<Reply>;

// From hiredis' own; null: the connection broke. INTERNAL when arrays are nested more than eight
// deep. An error inside an array is the error of the whole.
ReplyOr ToReply(const redisReply* reply);

// The integers of an array, or one integer alone; none for a status or nil. INTERNAL when it is
// something else.
absl::StatusOr<std::vector<std::int64_t>> Integers(const ReplyOr& reply);

// UNAVAILABLE, with the reason.
absl::Status Away(std::string_view why);

}  // namespace chasqui::redis
