// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "common/concurrency/bounded_queue.h"
#include "common/concurrency/named_thread.h"
#include "common/concurrency/task.h"
#include "common/rpc/loop.h"
#include "common/rpc/one_shot.h"
#include "common/status/status.h"

namespace chasqui::worker {

// A thread for what takes longer than a loop may be held up: tokenising a long prompt, embedding,
// freeing a model. First come, first served; at most `capacity` jobs wait. Thread-safe.
class Offload {
 public:
  Offload(std::string name, std::size_t capacity)
      : queue_(capacity), thread_(std::move(name), [this](std::stop_token) { Work(); }) {}
  ~Offload() { queue_.Close(); }

  // co_await offload.Run(loop, fn): what `fn` returns, an absl::Status or StatusOr, or
  // RESOURCE_EXHAUSTED when too many jobs wait. `fn` must own what it works on: it runs even when
  // whoever waits for it is gone.
  template <typename Function>
  concurrency::Task<std::invoke_result_t<Function>> Run(rpc::Loop& loop, Function fn) {
    using Result = std::invoke_result_t<Function>;
    struct State {
      rpc::OneShot<bool> done;
      std::optional<Result> result;
    };
    auto state = std::make_shared<State>();
    Job job = [state, &loop, fn = std::move(fn)]() mutable {
      state->result.emplace(fn());
      loop.Post([state] { state->done.Set(true); });
    };
    if (!queue_.TryPush(std::move(job))) {
      co_return status::ResourceExhausted("WORKER_BUSY", "too much work waits on this worker",
                                          std::chrono::milliseconds(500));
    }
    co_await state->done;
    co_return *std::move(state->result);
  }

  // Runs `fn` some time; false, and `fn` is destroyed, when too many jobs wait.
  [[nodiscard]] bool TryDetach(absl::AnyInvocable<void()> fn) {
    return queue_.TryPush(std::move(fn));
  }

  // Runs `fn` some time; on this thread when too many jobs wait.
  void Detach(absl::AnyInvocable<void()> fn) {
    if (!queue_.TryPush(std::move(fn))) fn();
  }

 private:
  using Job = absl::AnyInvocable<void()>;

  void Work() {
    while (auto job = queue_.Pop()) (*job)();
  }

  concurrency::BoundedQueue<Job> queue_;
  concurrency::NamedThread thread_;  // last: works on the queue
};

}  // namespace chasqui::worker
