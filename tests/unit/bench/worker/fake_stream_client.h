// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "tests/bench/worker/load/stream_client.h"

namespace chasqui::bench {

// A server in a time of its own: a step takes a millisecond, and one more for each token of the
// prompts that it computes; each stream has a token at the end of each step. Useful for patterns of
// load.
class FakeStreamClient final : public StreamClient {
 public:
  // The stream that is asked for after `count` others fails.
  void FailAfter(size_t count) { fails_ = count; }

  void Start(const StreamRequest& request, StreamObserver& observer) override {
    running_.push_back({.observer = &observer,
                        .prompt_tokens = static_cast<int>(request.prompt.size()),
                        .left = request.generated_tokens,
                        .fails = requests_.size() == fails_});
    requests_.push_back(request);
    most_running_ = std::max(most_running_, running_.size());
  }

  void Run() override {
    while (!running_.empty()) Step();
  }

  const std::vector<StreamRequest>& requests() const { return requests_; }
  size_t most_running() const { return most_running_; }

 private:
  struct Running {
    StreamObserver* observer;
    int prompt_tokens;  // to compute
    uint32_t left;      // tokens to generate
    bool fails;
  };

  void Step() {
    int milliseconds = 1;
    for (Running& running : running_) {
      milliseconds += running.prompt_tokens;
      running.prompt_tokens = 0;
    }
    now_ += std::chrono::milliseconds(milliseconds);
    // Observers add streams at the end: those have their first step with the next one.
    const size_t count = running_.size();
    auto next = running_.begin();
    for (size_t i = 0; i < count; ++i) {
      const auto running = next++;
      if (!running->fails) running->observer->OnTokens(1, now_);
      if (running->fails || --running->left == 0) End(running);
    }
  }

  void End(std::list<Running>::iterator running) {
    const Running ended = *running;
    running_.erase(running);
    ended.observer->OnEnd(ended.fails ? absl::ResourceExhaustedError("full") : absl::OkStatus(),
                          now_);
  }

  std::list<Running> running_;
  std::vector<StreamRequest> requests_;
  std::optional<size_t> fails_;
  size_t most_running_ = 0;
  time::SteadyTime now_ = time::SteadyNow();
};

}  // namespace chasqui::bench
