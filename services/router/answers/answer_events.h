// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <grpcpp/support/byte_buffer.h>

#include "chasqui/inference/v1/generate.pb.h"

// The events of answers that are remembered or shared: what of them is another request's, and what
// the reader is told instead. All functions are pure.
namespace chasqui::router {

// Whom the events are for, and where they come from.
struct AnswerReader {
  std::string request_id;
  inference::v1::AnswerSource source = inference::v1::ANSWER_SOURCE_UNSPECIFIED;
  bool include_timings = false;
  // From the request's arrival until now, for `timings`.
  double elapsed_ms = 0;
};

// `started` and `finished` as this reader is told them; other events, and what cannot be read, as
// they are. All tokens are told as cached.
std::string ForReader(const AnswerReader& reader, std::string_view event);

// How an answer ended.
struct AnswerEnd {
  // Whether another who asks the same would get the same: no limit of time or context has cut it.
  bool repeatable = false;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t completion_tokens = 0;
};
AnswerEnd EndOf(const grpc::ByteBuffer& finished);

// Tokens of all candidates.
std::uint32_t CountTokens(const inference::v1::ResumePoint& seen);

// `finished` with so many of its tokens told as cached.
void SetCachedTokens(std::uint32_t cached_completion_tokens, grpc::ByteBuffer& finished);

// Puts the events of a stream together to what a unary call answers. Thread-compatible.
class AnswerCollector {
 public:
  void Add(const grpc::ByteBuffer& event);
  // Once, when `finished` was added.
  inference::v1::GenerateResponse Take() { return std::move(response_); }

 private:
  inference::v1::Completion& At(std::uint32_t index);

  inference::v1::GenerateResponse response_;
};

}  // namespace chasqui::router
