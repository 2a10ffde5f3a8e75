// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "tests/bench/worker/load/stream_client.h"
#include "tests/bench/worker/load/stream_log.h"

namespace chasqui::bench {

// What a pattern of load does when something comes on a stream. Each may be empty.
struct Reactions {
  std::function<void(const StreamLog& log, time::SteadyTime when)> on_tokens{};
  // `status`: OK when the stream has given all that was asked for.
  std::function<void(const absl::Status& status, time::SteadyTime when)> on_end{};
};

// The streams of a pattern of load: starts them, keeps what came on each, and whether it was what
// was asked for. Outlives the client's Run(). Thread-compatible.
class Streams {
 public:
  explicit Streams(StreamClient& client) : client_(client) {}

  // `now`: when the stream is asked for.
  void Start(const StreamRequest& request, time::SteadyTime now, Reactions reactions = {});

  // OK, or the first stream that failed or is shorter than asked for. Of streams that have ended.
  absl::Status Check() const;

  // In the order in which they were started.
  std::vector<StreamLog> logs() const;

 private:
  class Stream final : public StreamObserver {
   public:
    Stream(uint32_t asked, time::SteadyTime begin, Reactions reactions)
        : asked_(asked), reactions_(std::move(reactions)), log_(begin) {}

    void OnTokens(uint32_t count, time::SteadyTime when) override;
    void OnEnd(const absl::Status& status, time::SteadyTime when) override;

    absl::Status Check() const;
    const StreamLog& log() const { return log_; }

   private:
    const uint32_t asked_;  // tokens
    const Reactions reactions_;
    StreamLog log_;
  };

  StreamClient& client_;
  std::deque<Stream> streams_;  // the client keeps references
};

}  // namespace chasqui::bench
