// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/answer_parser.h"

#include <algorithm>
#include <utility>

namespace chasqui::worker {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";

// The index of the first byte from `from` on that is no white space; the size when there is none.
std::size_t SkipWhiteSpace(std::string_view text, std::size_t from = 0) {
  return std::min(text.find_first_not_of(kWhiteSpace, from), text.size());
}

bool MayBecome(std::string_view text, std::string_view marker) {
  return text.size() < marker.size() && marker.starts_with(text);
}

// How many bytes at the end of `text` may be the beginning of `marker`.
std::size_t PartAtEnd(std::string_view text, std::string_view marker) {
  std::size_t size = std::min(text.size(), marker.size() - 1);
  while (size > 0 && !marker.starts_with(text.substr(text.size() - size))) --size;
  return size;
}

}  // namespace

AnswerParser::AnswerParser(AnswerSyntax syntax) : syntax_(std::move(syntax)) {}

void AnswerParser::Push(std::string_view text, AnswerParts& parts) {
  held_ += text;
  while (!held_.empty() && Step(parts)) {
  }
}

void AnswerParser::Finish(AnswerParts& parts) {
  finished_ = true;
  while (!held_.empty() && Step(parts)) {
  }
}

bool AnswerParser::Step(AnswerParts& parts) {
  switch (state_) {
    case State::kStart:
      return AtStart(parts);
    case State::kReasoning:
      return InReasoning(parts);
    case State::kBody:
      return AtBody();
    case State::kText:
      return InText(parts);
    case State::kCall:
      return InCall(parts);
    case State::kAfterCall:
      return AfterCall();
  }
  return false;
}

void AnswerParser::Emit(std::size_t size, AnswerParts& parts) {
  if (size == 0) return;
  parts.text.append(held_, 0, size);
  held_.erase(0, size);
  ends_in_calls_ = false;
}

bool AnswerParser::BeginsBare(char byte) const {
  return calls_possible() && syntax_.format.bare_calls && (byte == '{' || byte == '[');
}

bool AnswerParser::AtStart(AnswerParts& parts) {
  const std::string_view marker = syntax_.format.reasoning_begin;
  const std::size_t begin = SkipWhiteSpace(held_);
  const std::string_view rest = std::string_view(held_).substr(begin);
  if (rest.starts_with(marker)) {
    if (syntax_.reasoning_apart) {
      held_.erase(0, begin + marker.size());
    } else {
      Emit(begin + marker.size(), parts);
    }
    drop_white_space_ = true;
    state_ = State::kReasoning;
    return true;
  }
  if (MayBecome(rest, marker) && !finished_) return false;
  state_ = State::kBody;
  return true;
}

bool AnswerParser::InReasoning(AnswerParts& parts) {
  const std::string_view marker = syntax_.format.reasoning_end;
  const std::size_t found = held_.find(marker);
  const bool ends = found != std::string::npos;
  if (!syntax_.reasoning_apart) {
    if (ends) {
      Emit(found + marker.size(), parts);
      drop_white_space_ = false;
      state_ = State::kBody;
      return true;
    }
    Emit(held_.size() - (finished_ ? 0 : PartAtEnd(held_, marker)), parts);
    return false;
  }
  if (drop_white_space_) {
    held_.erase(0, SkipWhiteSpace(held_));
    if (held_.empty()) return false;
    drop_white_space_ = false;
    return true;
  }
  // White space at the end is held back: before the marker it is dropped.
  std::size_t size = ends ? found : held_.size() - (finished_ ? 0 : PartAtEnd(held_, marker));
  while (size > 0 && kWhiteSpace.contains(held_[size - 1])) --size;
  parts.reasoning.append(held_, 0, size);
  held_.erase(0, ends ? found + marker.size() : size);
  if (ends) {
    drop_white_space_ = true;
    state_ = State::kBody;
    return true;
  }
  if (finished_) held_.clear();
  return false;
}

bool AnswerParser::AtBody() {
  if (drop_white_space_) held_.erase(0, SkipWhiteSpace(held_));
  if (held_.empty()) return false;
  drop_white_space_ = false;
  const std::size_t begin = SkipWhiteSpace(held_);
  const std::string_view rest = std::string_view(held_).substr(begin);
  const bool bare_possible = calls_possible() && syntax_.format.bare_calls;
  if (bare_possible && !finished_ && (rest.empty() || MayBecome(rest, syntax_.format.call_begin))) {
    return false;
  }
  state_ = State::kText;
  const bool marked =
      !syntax_.format.call_begin.empty() && rest.starts_with(syntax_.format.call_begin);
  if (!rest.empty() && !marked && BeginsBare(rest.front())) OpenCall(begin);
  return true;
}

bool AnswerParser::InText(AnswerParts& parts) {
  const std::string_view marker = syntax_.format.call_begin;
  if (!calls_possible() || marker.empty()) {
    Emit(held_.size(), parts);
    return false;
  }
  const std::size_t found = held_.find(marker);
  if (found == std::string::npos) {
    Emit(held_.size() - (finished_ ? 0 : PartAtEnd(held_, marker)), parts);
    return false;
  }
  Emit(found, parts);
  OpenCall(marker.size());
  return true;
}

void AnswerParser::OpenCall(std::size_t json) {
  state_ = State::kCall;
  extent_ = JsonExtent();
  json_begin_ = scanned_ = json;
  json_open_ = json_closed_ = false;
}

bool AnswerParser::NoCall(std::size_t size, AnswerParts& parts) {
  Emit(size, parts);
  state_ = State::kText;
  return true;
}

bool AnswerParser::InCall(AnswerParts& parts) {
  if (json_closed_) return CloseCall(parts);
  return ScanJson(parts);
}

bool AnswerParser::ScanJson(AnswerParts& parts) {
  if (!json_open_) {
    scanned_ = json_begin_ = SkipWhiteSpace(held_, scanned_);
    if (scanned_ == held_.size()) return finished_ && NoCall(scanned_, parts);
    if (held_[scanned_] != '{' && held_[scanned_] != '[') return NoCall(scanned_, parts);
    json_open_ = true;
  }
  while (scanned_ < held_.size()) {
    const auto state = extent_.Push(held_[scanned_++]);
    if (state == JsonExtent::State::kTooDeep) return NoCall(scanned_, parts);
    if (state == JsonExtent::State::kOpen) continue;
    json_end_ = scanned_;
    json_closed_ = true;
    return true;
  }
  return finished_ && NoCall(scanned_, parts);
}

bool AnswerParser::CloseCall(AnswerParts& parts) {
  const std::string_view marker = syntax_.format.call_end;
  std::size_t end = json_end_;
  if (!marker.empty()) {
    const std::size_t begin = SkipWhiteSpace(held_, json_end_);
    const std::string_view rest = std::string_view(held_).substr(begin);
    if (rest.starts_with(marker)) {
      end = begin + marker.size();
    } else if (MayBecome(rest, marker)) {
      if (!finished_) return false;
      end = held_.size();  // the answer ends before the marker does: the call is whole
    } else {
      return NoCall(json_end_, parts);
    }
  }
  const auto json = std::string_view(held_).substr(json_begin_, json_end_ - json_begin_);
  auto calls = ParseCalls(json, syntax_.tools);
  if (!calls) return NoCall(end, parts);
  parts.calls.insert(parts.calls.end(), std::make_move_iterator(calls->begin()),
                     std::make_move_iterator(calls->end()));
  held_.erase(0, end);
  ends_in_calls_ = true;
  state_ = State::kAfterCall;
  return true;
}

bool AnswerParser::AfterCall() {
  const std::string_view marker = syntax_.format.call_begin;
  const std::size_t begin = SkipWhiteSpace(held_);
  const std::string_view rest = std::string_view(held_).substr(begin);
  if (rest.empty()) {
    if (finished_) held_.clear();
    return false;
  }
  if (!finished_ && MayBecome(rest, marker)) return false;
  const bool marked = !marker.empty() && rest.starts_with(marker);
  if (marked) {
    OpenCall(begin + marker.size());
  } else if (BeginsBare(rest.front())) {
    OpenCall(begin);
  } else {
    state_ = State::kText;
  }
  return true;
}

}  // namespace chasqui::worker
