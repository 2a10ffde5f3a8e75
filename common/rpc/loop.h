// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "common/concurrency/named_thread.h"
#include "common/concurrency/task.h"
#include "common/rpc/event.h"
#include "common/rpc/timer_queue.h"
#include "common/time/clock.h"

namespace chasqui::rpc {

using concurrency::Task;

namespace internal {
class Sleep;
struct Yield;
}  // namespace internal

// One thread and one completion queue: where the coroutines of requests run, one event after the
// other, so that state that only they touch needs no lock. Owned by the Server, or by a program
// that only makes calls; outlives the calls, timers and awaitables made on it. Confined to its own
// thread but for Post(), Spawn(), Stop() and the accessors. Nothing on a loop may block.
class Loop {
 public:
  using Function = absl::AnyInvocable<void()>;

  // A call of a function at a later time; destroying it, or assigning to it, cancels. Confined to
  // the loop. A default-constructed timer is one that has fired.
  class [[nodiscard]] Timer {
   public:
    Timer() = default;
    bool pending() const;
    void Cancel() { node_.reset(); }

   private:
    friend class Loop;
    class Node;
    struct Delete {
      void operator()(Node* node) const;
    };
    std::unique_ptr<Node, Delete> node_;
  };

  // Starts the thread. `index` tells the loops of one server apart. `queue` is given by servers;
  // a loop for clients makes its own.
  explicit Loop(std::string name, int index = 0,
                std::unique_ptr<grpc::CompletionQueue> queue = nullptr);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();  // Stop()

  // The loop whose thread this is, or nullptr.
  static Loop* Current();

  const std::string& name() const { return name_; }
  int index() const { return index_; }
  bool IsCurrent() const { return Current() == this; }

  // Calls `fn` on the loop, after whatever was posted before by the same thread. Many posts while
  // the loop is busy cost one wake-up. False, and `fn` is destroyed, when the loop has stopped.
  // Thread-safe.
  bool Post(Function fn);

  // Runs `task` on the loop, from the next turn on. What is still suspended when the loop stops is
  // destroyed then. False when the loop has stopped. Thread-safe.
  bool Spawn(Task<void> task);

  // Runs `task` at once, until it suspends for the first time. On the loop only.
  void Start(Task<void> task);

  // Calls `fn` after `delay`, unless the timer is destroyed before.
  Timer After(time::Duration delay, Function fn);

  // co_await loop.SleepFor(50ms);
  internal::Sleep SleepFor(time::Duration delay);
  internal::Sleep SleepUntil(time::SteadyTime when);

  // co_await loop.Yield(); lets other work of the loop go first.
  internal::Yield Yield();

  // Cancels the client calls of this loop, lets everything that is under way end, destroys what is
  // still suspended and joins the thread. Blocks. Idempotent. Not from the loop's own thread; a
  // server's loops are stopped by the server, after its shutdown.
  void Stop();

  // --- For the awaitables and calls of this library ---

  // Resumes `coroutine` later in this turn. Awaitables resume through here, so that whoever sets
  // an event is not run over by whoever waits for it.
  void Resume(std::coroutine_handle<> coroutine) { ready_.push_back(coroutine); }

  // To be called for each operation whose tag is an Event, before it starts.
  void OperationStarted() { ++operations_; }

  // What Stop() must cancel; the handle must be removed before it dies.
  class Cancellable {
   public:
    virtual ~Cancellable() = default;
    virtual void CancelForStop() = 0;

   private:
    friend class Loop;
    Cancellable* next_ = nullptr;
    Cancellable** place_ = nullptr;  // what points here; nullptr = not in the list
  };
  void AddCancellable(Cancellable& call);
  void RemoveCancellable(Cancellable& call);

  // Whether Stop() has begun: no new operations then.
  bool stopping() const { return stopping_; }

  TimerQueue& timers() { return timers_; }
  grpc::CompletionQueue* queue() { return queue_.get(); }

 private:
  class Driver;
  class Root;  // the promise of a Driver: a spawned task and its place in the list
  class WakeEvent final : public Event {
   public:
    explicit WakeEvent(Loop& loop) : loop_(loop) {}
    void OnEvent(bool) override { loop_.TakeInbox(); }

   private:
    Loop& loop_;
  };

  void Run();
  void RunReady();
  void RunTimers();
  void TakeInbox();
  void BeginStop();
  bool CloseIfIdle();
  void DestroySuspended();

  const std::string name_;
  const int index_;
  const std::unique_ptr<grpc::CompletionQueue> queue_;

  // Confined to the thread.
  std::vector<std::coroutine_handle<>> ready_;
  std::vector<Function> running_;  // the posts being run; kept for its capacity
  TimerQueue timers_;
  size_t operations_ = 0;  // tags that the queue still owes us
  bool stopping_ = false;
  Root* roots_ = nullptr;  // every spawned task that is not done
  Cancellable* cancellables_ = nullptr;

  WakeEvent wake_{*this};
  grpc::Alarm alarm_;  // one setting at a time: only by whoever turned wake_pending_ on
  absl::Mutex mutex_;
  std::vector<Function> inbox_ ABSL_GUARDED_BY(mutex_);
  bool wake_pending_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;

  concurrency::NamedThread thread_;  // last: works on all of the above
};

namespace internal {

class Sleep final : public TimerNode {
 public:
  Sleep(Loop& loop, time::SteadyTime when) : loop_(loop), when_(when) {}
  ~Sleep() { loop_.timers().Remove(*this); }

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    coroutine_ = coroutine;
    loop_.timers().Add(*this, when_);
  }
  void await_resume() const {}

 private:
  void OnTimer() override { loop_.Resume(coroutine_); }

  Loop& loop_;
  const time::SteadyTime when_;
  std::coroutine_handle<> coroutine_;
};

struct Yield {
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    if (!loop.Post([coroutine] { coroutine.resume(); })) loop.Resume(coroutine);
  }
  void await_resume() const {}
  Loop& loop;
};

}  // namespace internal

inline internal::Sleep Loop::SleepFor(time::Duration delay) {
  return internal::Sleep(*this, time::SteadyNow() + delay);
}
inline internal::Sleep Loop::SleepUntil(time::SteadyTime when) {
  return internal::Sleep(*this, when);
}
inline internal::Yield Loop::Yield() { return internal::Yield{*this}; }

}  // namespace chasqui::rpc
