// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/output/answer_printer.h"

#include <ostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/chasqui/output/json.h"

namespace chasqui::cli {

using chasqui::inference::v1::CandidateEnd;
using chasqui::inference::v1::Finished;
using chasqui::inference::v1::StreamGenerateResponse;

AnswerPrinter::AnswerPrinter(std::ostream& out, std::ostream& notes, AnswerStyle style)
    : out_(out), notes_(notes), style_(style) {}

absl::Status AnswerPrinter::Print(const StreamGenerateResponse& event) {
  if (event.sequence() != next_sequence_) {
    return absl::DataLossError(
        absl::StrCat("event ", event.sequence(), " came where ", next_sequence_, " was due"));
  }
  ++next_sequence_;
  text_ += event.chunk().text();
  finished_ = finished_ || event.has_finished();
  if (style_.json) {
    out_ << ToJson(event) << std::endl;
    return absl::OkStatus();
  }
  if (event.has_chunk()) out_ << event.chunk().text() << std::flush;
  if (event.has_finished()) PrintFinished(event.finished());
  return absl::OkStatus();
}

void AnswerPrinter::PrintFinished(const Finished& finished) {
  if (!text_.ends_with('\n')) out_ << std::endl;
  for (const CandidateEnd& end : finished.candidates()) {
    if (const std::string remark = EndText(end.finish_reason()); !remark.empty()) {
      notes_ << "[" << remark << "]" << std::endl;
    }
  }
  if (style_.timings) notes_ << TimingsText(finished.usage(), finished.timings()) << std::endl;
}

absl::Status AnswerPrinter::End(absl::Status status) {
  if (finished_ && status.ok()) return status;
  if (!style_.json && !text_.empty() && !finished_ && !text_.ends_with('\n')) out_ << std::endl;
  if (!status.ok()) return status;
  return absl::DataLossError("the stream ended before the answer did");
}

std::string TimingsText(const chasqui::inference::v1::Usage& usage,
                        const chasqui::inference::v1::Timings& timings) {
  return absl::StrFormat(
      "[%d prompt tokens (%d cached) in %.1f ms, %.0f/s; %d generated in %.1f ms, %.0f/s; queued "
      "%.1f ms, first token after %.1f ms]",
      usage.prompt_tokens(), usage.cached_prompt_tokens(), timings.prompt_ms(),
      timings.prompt_per_second(), usage.completion_tokens(), timings.predicted_ms(),
      timings.predicted_per_second(), timings.queue_ms(), timings.time_to_first_token_ms());
}

std::string EndText(chasqui::inference::v1::FinishReason reason) {
  switch (reason) {
    case chasqui::inference::v1::FINISH_REASON_MAX_TOKENS:
      return "cut off: the most tokens asked for";
    case chasqui::inference::v1::FINISH_REASON_MAX_TIME:
      return "cut off: the time given is over";
    case chasqui::inference::v1::FINISH_REASON_CONTEXT_FULL:
      return "cut off: the context is full";
    case chasqui::inference::v1::FINISH_REASON_FORMAT_DEAD_END:
      return "cut off: no token conforms to the format any more";
    default:
      return "";
  }
}

}  // namespace chasqui::cli
