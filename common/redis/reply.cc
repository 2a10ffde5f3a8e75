// SPDX-License-Identifier: Apache-2.0
#include "common/redis/reply.h"

#include <string_view>
#include <utility>

#include <hiredis/hiredis.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace chasqui::redis {
namespace {

// Deeper answers are no answers to what is asked here.
constexpr int kMaxDepth = 4;

ReplyOr Convert(const redisReply& reply, int depth) {
  switch (reply.type) {
    case REDIS_REPLY_NIL:
      return Reply();
    case REDIS_REPLY_INTEGER:
    case REDIS_REPLY_BOOL:
      return Reply{.kind = Reply::Kind::kInteger, .integer = reply.integer};
    case REDIS_REPLY_ERROR: {
      const std::string_view error(reply.str, reply.len);
      if (error.starts_with("NOSCRIPT")) return absl::FailedPreconditionError(error);
      return absl::InternalError(absl::StrCat("Redis: ", error));
    }
    case REDIS_REPLY_ARRAY:
    case REDIS_REPLY_MAP:
    case REDIS_REPLY_SET:
    case REDIS_REPLY_PUSH: {
      if (depth >= kMaxDepth) return absl::InternalError("Redis: an answer that is too deep");
      Reply array{.kind = Reply::Kind::kArray};
      for (std::size_t i = 0; i < reply.elements; ++i) {
        ReplyOr element = Convert(*reply.element[i], depth + 1);
        if (!element.ok()) return element;
        array.elements.push_back(*std::move(element));
      }
      return array;
    }
    default:
      return Reply{.kind = Reply::Kind::kText, .text = std::string(reply.str, reply.len)};
  }
}

}  // namespace

ReplyOr ToReply(const redisReply* reply) {
  if (reply == nullptr) return absl::UnavailableError("Redis: the connection broke");
  return Convert(*reply, 0);
}

absl::StatusOr<std::vector<std::int64_t>> Integers(const ReplyOr& reply) {
  if (!reply.ok()) return reply.status();
  std::vector<std::int64_t> numbers;
  if (reply->kind == Reply::Kind::kInteger) numbers.push_back(reply->integer);
  for (const Reply& element : reply->elements) {
    if (element.kind != Reply::Kind::kInteger) {
      return absl::InternalError("Redis: an answer that is no list of numbers");
    }
    numbers.push_back(element.integer);
  }
  return numbers;
}

}  // namespace chasqui::redis
