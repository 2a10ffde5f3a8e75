// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/text/text_assembler.h"

#include <utility>

namespace chasqui::worker {

TextAssembler::TextAssembler(std::vector<std::string> stops, bool include_stop)
    : stops_(std::move(stops)), include_stop_(include_stop), matcher_(stops_) {}

void TextAssembler::Append(std::int32_t token, std::string_view bytes,
                           std::optional<TokenLogprob> logprob) {
  ready_.token_ids.push_back(token);
  if (logprob) ready_.logprobs.push_back(*std::move(logprob));
  std::string released;
  const auto stop = matcher_.Push(bytes, released);
  if (stop) {
    stop_string_ = stops_[*stop];
    if (include_stop_) released += *stop_string_;
  }
  utf8_.Append(released, ready_.text);
}

void TextAssembler::Finish() {
  finished_ = true;
  if (!stop_string_) {
    std::string released;
    matcher_.Finish(released);
    utf8_.Append(released, ready_.text);
  }
  utf8_.Finish(ready_.text);
}

std::optional<TextPiece> TextAssembler::Take() {
  const bool leftover = finished_ && !ready_.token_ids.empty();
  if (ready_.text.empty() && !leftover) return std::nullopt;
  return std::exchange(ready_, {});
}

}  // namespace chasqui::worker
