// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>

#include "absl/status/status.h"
#include "chasqui/inference/v1/generate.pb.h"

namespace chasqui::cli {

// How an answer is shown.
struct AnswerStyle {
  bool json = false;     // each event as a line of JSON instead of the text
  bool timings = false;  // a line of counts and speeds at the end
};

// Shows one answer as it streams in: text to `out`, remarks to `notes`. Confined to one thread;
// both streams outlive it.
class AnswerPrinter {
 public:
  AnswerPrinter(std::ostream& out, std::ostream& notes, AnswerStyle style);

  // Shows one event. DATA_LOSS when it does not follow the one before.
  absl::Status Print(const chasqui::inference::v1::StreamGenerateResponse& event);

  // Call once the stream has ended with `status`: completes the line, and is `status`, or DATA_LOSS
  // when the stream ended well but unfinished.
  absl::Status End(absl::Status status);

  // The text so far.
  const std::string& text() const { return text_; }

 private:
  void PrintFinished(const chasqui::inference::v1::Finished& finished);

  std::ostream& out_;
  std::ostream& notes_;
  const AnswerStyle style_;
  std::string text_;
  uint64_t next_sequence_ = 0;
  bool finished_ = false;
};

// "12 prompt tokens (4 cached) in 3.1 ms, ..." of what the worker measured.
std::string TimingsText(const chasqui::inference::v1::Usage& usage,
                        const chasqui::inference::v1::Timings& timings);

// A remark about an answer that did not end by itself; empty when it did.
std::string EndText(chasqui::inference::v1::FinishReason reason);

}  // namespace chasqui::cli
