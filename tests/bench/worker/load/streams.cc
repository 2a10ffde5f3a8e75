// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/streams.h"

#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"

namespace chasqui::bench {

void Streams::Start(const StreamRequest& request, time::SteadyTime now, Reactions reactions) {
  streams_.emplace_back(request.generated_tokens, now, std::move(reactions));
  client_.Start(request, streams_.back());
}

absl::Status Streams::Check() const {
  for (const Stream& stream : streams_) ABSL_RETURN_IF_ERROR(stream.Check());
  return absl::OkStatus();
}

std::vector<StreamLog> Streams::logs() const {
  std::vector<StreamLog> logs;
  logs.reserve(streams_.size());
  for (const Stream& stream : streams_) logs.push_back(stream.log());
  return logs;
}

void Streams::Stream::OnTokens(uint32_t count, time::SteadyTime when) {
  log_.OnTokens(count, when);
  if (reactions_.on_tokens) reactions_.on_tokens(log_, when);
}

void Streams::Stream::OnEnd(const absl::Status& status, time::SteadyTime when) {
  log_.OnEnd(status, when);
  if (reactions_.on_end) reactions_.on_end(Check(), when);
}

absl::Status Streams::Stream::Check() const {
  ABSL_RETURN_IF_ERROR(log_.status());
  if (log_.tokens() >= asked_) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("a stream of ", log_.tokens(), " tokens instead of ", asked_));
}

}  // namespace chasqui::bench
