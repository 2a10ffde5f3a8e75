// SPDX-License-Identifier: Apache-2.0
#include "common/redis/reply.h"

#include <cstddef>
#include <string_view>
#include <utility>

#include <hiredis/hiredis.h>

#include "absl/strings/str_cat.h"

namespace chasqui::redis {
namespace {

constexpr int kMostNested = 8;

std::string TextOf(const redisReply& reply) { return {reply.str, reply.len}; }

ReplyOr Convert(const redisReply& reply, int depth);

ReplyOr ConvertArray(const redisReply& reply, int depth) {
  if (depth >= kMostNested) return absl::InternalError("Redis: an answer nested too deeply");
  Reply array{.kind = Reply::Kind::kArray};
  array.elements.reserve(reply.elements);
  for (std::size_t i = 0; i < reply.elements; ++i) {
    ReplyOr element = Convert(*reply.element[i], depth + 1);
    if (!element.ok()) return element;
    array.elements.push_back(*std::move(element));
  }
  return array;
}

ReplyOr Convert(const redisReply& reply, int depth) {
  switch (reply.type) {
    case REDIS_REPLY_NIL:
      return Reply();
    case REDIS_REPLY_INTEGER:
    case REDIS_REPLY_BOOL:
      return Reply{.kind = Reply::Kind::kInteger, .integer = reply.integer};
    case REDIS_REPLY_STATUS:
      return Reply{.kind = Reply::Kind::kStatus, .text = TextOf(reply)};
    case REDIS_REPLY_ARRAY:
    case REDIS_REPLY_MAP:
    case REDIS_REPLY_SET:
    case REDIS_REPLY_PUSH:
      return ConvertArray(reply, depth);
    case REDIS_REPLY_ERROR: {
      const std::string_view error(reply.str, reply.len);
      if (error.starts_with("NOSCRIPT")) return absl::FailedPreconditionError(error);
      return absl::InternalError(absl::StrCat("Redis: ", error));
    }
    default:  // strings, and what is written like them: doubles, great numbers, verbatim strings
      return Reply{.kind = Reply::Kind::kText, .text = TextOf(reply)};
  }
}

}  // namespace

ReplyOr ToReply(const redisReply* reply) {
  if (reply == nullptr) return Away("the connection broke");
  return Convert(*reply, 0);
}

absl::StatusOr<std::vector<std::int64_t>> Integers(const ReplyOr& reply) {
  if (!reply.ok()) return reply.status();
  std::vector<std::int64_t> numbers;
  switch (reply->kind) {
    case Reply::Kind::kInteger:
      numbers.push_back(reply->integer);
      return numbers;
    case Reply::Kind::kArray:
      for (const Reply& element : reply->elements) {
        if (element.kind != Reply::Kind::kInteger) break;
        numbers.push_back(element.integer);
      }
      if (numbers.size() == reply->elements.size()) return numbers;
      break;
    case Reply::Kind::kNil:
    case Reply::Kind::kStatus:
      return numbers;
    case Reply::Kind::kText:
      break;
  }
  return absl::InternalError("Redis: an answer that is no list of numbers");
}

absl::Status Away(std::string_view why) {
  return absl::UnavailableError(absl::StrCat("Redis: ", why));
}

}  // namespace chasqui::redis
