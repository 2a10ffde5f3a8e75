// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/rpc/async_queue.h"
#include "common/rpc/loop.h"

namespace chasqui::rpc {

class Server;

// What a process says about itself through grpc.health.v1: one state per name. The server adds "",
// "liveness", "readiness" and the full name of every service; workers add one name per model.
// Owned by the server. Thread-safe.
class HealthRegistry {
 public:
  enum class State { kUnknown, kServing, kNotServing };

  HealthRegistry() = default;
  HealthRegistry(const HealthRegistry&) = delete;
  HealthRegistry& operator=(const HealthRegistry&) = delete;

  // Adds the name if need be. Has no effect but on "liveness" once ShutDown() was called.
  void SetServing(std::string_view name, bool serving);

  // Forgets the name: it is unknown again.
  void Remove(std::string_view name);

  // Makes every name but "liveness" NOT_SERVING, for good: a draining process is alive.
  void ShutDown();

  State Get(std::string_view name) const;
  std::map<std::string, State, std::less<>> All() const;

  // Tells a coroutine of `loop` when any state may have changed. Held by whoever waits.
  class Watch {
   public:
    explicit Watch(Loop& loop) : loop_(loop) {}

    // co_await watch.Changed(): false when Close() was called.
    auto Changed() { return changes_.Pop(); }
    void Close() { changes_.Close(); }

   private:
    friend class HealthRegistry;
    Loop& loop_;
    AsyncQueue<bool> changes_{1};  // more than one unseen change is one change
  };
  std::shared_ptr<Watch> AddWatch(Loop& loop);

 private:
  void Notify();

  mutable absl::Mutex mutex_;
  std::map<std::string, State, std::less<>> states_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<Watch>> watches_ ABSL_GUARDED_BY(mutex_);
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
};

// Adds grpc.health.v1.Health to `server`, answered from `registry`, which outlives the server.
void RegisterHealth(Server& server, HealthRegistry& registry);

}  // namespace chasqui::rpc
