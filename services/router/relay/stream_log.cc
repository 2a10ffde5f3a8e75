// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/stream_log.h"

#include <algorithm>
#include <utility>

#include "absl/log/check.h"
#include "common/rpc/message.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

using inference::v1::ResumedCandidate;
using inference::v1::ResumePoint;
using inference::v1::StreamGenerateResponse;

ResumedCandidate& Candidate(std::uint32_t index, ResumePoint& seen) {
  const auto it = std::ranges::find(*seen.mutable_candidates(), index, &ResumedCandidate::index);
  if (it != seen.mutable_candidates()->end()) return *it;
  seen.add_candidates()->set_index(index);
  return *seen.mutable_candidates()->rbegin();
}

// Events that cannot be parsed have no tokens that anyone could know of.
void AddTokens(std::string_view bytes, StreamGenerateResponse& event, ResumePoint& seen) {
  if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  if (!event.has_chunk() || event.chunk().token_ids().empty()) return;
  Candidate(event.chunk().index(), seen).mutable_token_ids()->MergeFrom(event.chunk().token_ids());
}

}  // namespace

void StreamLog::BeginAfter(const ResumePoint& seen) {
  seen_ = seen;
  first_sequence_ = seen.next_sequence();
}

void StreamLog::Append(const grpc::ByteBuffer& event) {
  rpc::AppendBytes(event, bytes_);
  ends_.push_back(bytes_.size());
  if (count_++ == 0) started_ = bytes_;
  if (bytes_.size() > max_bytes_) Condense();
}

std::string_view StreamLog::Kept(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(bytes_).substr(begin, ends_[index] - begin);
}

// Gives up the older half, so that moving what is left costs each byte a constant.
void StreamLog::Condense() {
  std::size_t gone = 0;
  StreamGenerateResponse event;
  while (gone < ends_.size() &&
         bytes_.size() - (gone == 0 ? 0 : ends_[gone - 1]) > max_bytes_ / 2) {
    AddTokens(Kept(gone), event, seen_);
    ++gone;
  }
  const std::size_t freed = ends_[gone - 1];
  bytes_.erase(0, freed);
  ends_.erase(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(gone));
  for (std::size_t& end : ends_) end -= freed;
}

grpc::ByteBuffer StreamLog::At(std::uint64_t sequence) const {
  CHECK_GE(sequence, oldest_sequence());
  CHECK_LT(sequence, next_sequence());
  const std::string_view bytes = Kept(sequence - oldest_sequence());
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

absl::StatusOr<inference::v1::Started> StreamLog::ReadStarted() const {
  StreamGenerateResponse event;
  if (!event.ParseFromString(started_) || !event.has_started()) {
    return status::Error(absl::StatusCode::kInternal, "STREAM_NOT_STARTED",
                         "the worker's first event was not `started`");
  }
  return std::move(*event.mutable_started());
}

ResumePoint StreamLog::Seen() const {
  ResumePoint seen = seen_;
  StreamGenerateResponse event;
  for (std::size_t i = 0; i < ends_.size(); ++i) AddTokens(Kept(i), event, seen);
  seen.set_next_sequence(next_sequence());
  return seen;
}

}  // namespace chasqui::router
