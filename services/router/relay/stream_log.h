// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/generate.pb.h"

namespace chasqui::router {

// What a stream has passed on: the last events as they were, and of all of them the ids of their
// tokens, so that the stream can be sent again from an event on, and gone on with elsewhere. Events
// are copied, as those of gRPC may keep the whole read buffer alive that they came in, and are not
// parsed before they have to be: when they make room, and when the stream goes on elsewhere.
// Bounded in bytes; the ids of older events are bounded by the model's context. Thread-compatible.
class StreamLog {
 public:
  // Keeps at most `max_bytes` of events.
  explicit StreamLog(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // For a stream that a client itself goes on with: what it has seen. Before any event.
  void BeginAfter(const inference::v1::ResumePoint& seen);

  // The next event of the stream.
  void Append(const grpc::ByteBuffer& event);

  // Whether there was an event.
  bool begun() const { return count_ > 0; }
  // Events so far.
  std::uint64_t count() const { return count_; }
  // Sequence number of the first event.
  std::uint64_t first_sequence() const { return first_sequence_; }
  // Sequence number of the event to come.
  std::uint64_t next_sequence() const { return first_sequence_ + count_; }
  // Of the oldest event that is kept; next_sequence() when none is.
  std::uint64_t oldest_sequence() const { return next_sequence() - ends_.size(); }
  // The kept event of this number.
  grpc::ByteBuffer At(std::uint64_t sequence) const;

  // The first event. INTERNAL when it was another one than `started`.
  absl::StatusOr<inference::v1::Started> ReadStarted() const;
  // Everything seen, by its tokens; no candidates when no event had a token.
  inference::v1::ResumePoint Seen() const;

  // Bytes in use.
  std::size_t bytes() const { return bytes_.size() + started_.size(); }

 private:
  std::string_view Kept(std::size_t index) const;
  void Condense();

  const std::size_t max_bytes_;
  std::uint64_t first_sequence_ = 0;
  std::uint64_t count_ = 0;
  std::string started_;              // the first event
  std::string bytes_;                // the kept events, one behind the other
  std::vector<std::size_t> ends_;    // where each ends in bytes_
  inference::v1::ResumePoint seen_;  // of the events that are kept no more
};

}  // namespace chasqui::router
