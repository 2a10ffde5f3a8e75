// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "common/time/clock.h"

namespace chasqui::bench {

// A request for greedy text that does not end before `generated_tokens`.
struct StreamRequest {
  std::vector<uint32_t> prompt;
  uint32_t generated_tokens = 0;
};

// Is told what comes on one stream. On the thread of StreamClient::Run().
class StreamObserver {
 public:
  virtual ~StreamObserver() = default;

  virtual void OnTokens(uint32_t count, time::SteadyTime when) = 0;
  // Last.
  virtual void OnEnd(const absl::Status& status, time::SteadyTime when) = 0;
};

// Asks a server for streams, by whatever protocol it speaks, all on one thread: that of Run().
// Confined to one thread.
class StreamClient {
 public:
  virtual ~StreamClient() = default;

  // `observer` lives until its OnEnd(). Observers may start further streams.
  virtual void Start(const StreamRequest& request, StreamObserver& observer) = 0;

  // Blocks until every stream has ended.
  virtual void Run() = 0;
};

}  // namespace chasqui::bench
