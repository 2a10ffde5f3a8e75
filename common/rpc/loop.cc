// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/loop.h"

#include <exception>
#include <utility>

#include "absl/log/check.h"

namespace chasqui::rpc {
namespace {

constinit thread_local Loop* current_loop = nullptr;

}  // namespace

// The coroutine that owns a spawned task.
class Loop::Driver {
 public:
  using promise_type = Root;

  std::coroutine_handle<> frame;
};

// A node of the loop's list until the task is done or destroyed.
class Loop::Root {
 public:
  Root(Loop& loop, Task<void>&) : next_(loop.roots_), place_(&loop.roots_) {
    if (next_ != nullptr) next_->place_ = &next_;
    loop.roots_ = this;
  }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  ~Root() {
    *place_ = next_;
    if (next_ != nullptr) next_->place_ = place_;
  }

  static Driver Drive(Loop&, Task<void> task) { co_await std::move(task); }

  Driver get_return_object() { return {std::coroutine_handle<Root>::from_promise(*this)}; }
  std::suspend_always initial_suspend() noexcept { return {}; }
  std::suspend_never final_suspend() noexcept { return {}; }
  void return_void() {}
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }

 private:
  Root* next_;
  Root** place_;
};

class Loop::Timer::Node final : public TimerNode {
 public:
  Node(Loop& loop, Function fn) : loop_(loop), fn_(std::move(fn)) {}
  ~Node() { loop_.timers_.Remove(*this); }

  // The function may destroy the timer that it is called by.
  void OnTimer() override { std::exchange(fn_, nullptr)(); }

 private:
  Loop& loop_;
  Function fn_;
};

bool Loop::Timer::pending() const { return node_ != nullptr && node_->queued(); }

void Loop::Timer::Delete::operator()(Node* node) const { delete node; }

Loop::Loop(std::string name, int index, std::unique_ptr<grpc::CompletionQueue> queue)
    : name_(std::move(name)),
      index_(index),
      queue_(queue != nullptr ? std::move(queue) : std::make_unique<grpc::CompletionQueue>()),
      thread_(name_, [this](std::stop_token) { Run(); }) {}

Loop::~Loop() { Stop(); }

Loop* Loop::Current() { return current_loop; }

bool Loop::Post(Function fn) {
  {
    absl::MutexLock lock(mutex_);
    if (closed_) return false;
    inbox_.push_back(std::move(fn));
    if (std::exchange(wake_pending_, true)) return true;
  }
  // An alarm that is already due goes straight into the queue and wakes its thread. The loop cannot
  // close in between: it waits for the wake-up that it sees pending.
  alarm_.Set(queue_.get(), gpr_time_0(GPR_CLOCK_MONOTONIC), static_cast<Event*>(&wake_));
  return true;
}

bool Loop::Spawn(Task<void> task) {
  if (IsCurrent()) {
    if (stopping_) return false;
    Resume(Root::Drive(*this, std::move(task)).frame);
    return true;
  }
  return Post([this, task = std::move(task)]() mutable {
    Resume(Root::Drive(*this, std::move(task)).frame);
  });
}

void Loop::Start(Task<void> task) {
  DCHECK(IsCurrent());
  Root::Drive(*this, std::move(task)).frame.resume();
}

Loop::Timer Loop::After(time::Duration delay, Function fn) {
  Timer timer;
  timer.node_.reset(new Timer::Node(*this, std::move(fn)));
  timers_.Add(*timer.node_, time::SteadyNow() + delay);
  return timer;
}

void Loop::Stop() {
  CHECK(!IsCurrent()) << "a loop cannot wait for itself";
  if (!thread_.joinable()) return;
  Post([this] { BeginStop(); });
  thread_.Join();
}

void Loop::AddCancellable(Cancellable& call) {
  call.next_ = cancellables_;
  call.place_ = &cancellables_;
  if (call.next_ != nullptr) call.next_->place_ = &call.next_;
  cancellables_ = &call;
}

void Loop::RemoveCancellable(Cancellable& call) {
  if (call.place_ == nullptr) return;
  *call.place_ = call.next_;
  if (call.next_ != nullptr) call.next_->place_ = call.place_;
  call.place_ = nullptr;
}

void Loop::Run() {
  current_loop = this;
  void* tag = nullptr;
  bool ok = false;
  for (;;) {
    RunReady();
    RunTimers();
    if (stopping_ && CloseIfIdle()) break;
    grpc::CompletionQueue::NextStatus status = grpc::CompletionQueue::GOT_EVENT;
    if (timers_.empty()) {
      CHECK(queue_->Next(&tag, &ok));
    } else {
      const auto due = timers_.next().time_since_epoch();
      const auto due_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(due).count();
      status = queue_->AsyncNext(&tag, &ok, gpr_time_from_nanos(due_ns, GPR_CLOCK_MONOTONIC));
    }
    if (status != grpc::CompletionQueue::GOT_EVENT) continue;
    --operations_;
    static_cast<Event*>(tag)->OnEvent(ok);
  }
  DestroySuspended();
  queue_->Shutdown();
  CHECK(!queue_->Next(&tag, &ok)) << "an operation that nobody counted";
}

void Loop::RunReady() {
  // Those resumed may make others ready: they run in the same turn.
  for (size_t i = 0; i < ready_.size(); ++i) ready_[i].resume();
  ready_.clear();
}

void Loop::RunTimers() {
  if (timers_.empty()) return;
  const time::SteadyTime now = time::SteadyNow();
  while (TimerNode* node = timers_.TakeDue(now)) {
    node->OnTimer();
    RunReady();
  }
}

void Loop::TakeInbox() {
  ++operations_;  // wake-ups are not counted: see CloseIfIdle()
  {
    absl::MutexLock lock(mutex_);
    running_.swap(inbox_);
    wake_pending_ = false;
  }
  for (Function& fn : running_) {
    fn();
    RunReady();
  }
  running_.clear();
}

void Loop::BeginStop() {
  stopping_ = true;
  // Each is still in the list afterwards, and leaves it when its coroutine is done with it.
  for (Cancellable* call = cancellables_; call != nullptr; call = call->next_) {
    call->CancelForStop();
  }
}

bool Loop::CloseIfIdle() {
  if (operations_ > 0 || !ready_.empty()) return false;
  absl::MutexLock lock(mutex_);
  if (wake_pending_) return false;
  closed_ = true;
  return true;
}

void Loop::DestroySuspended() {
  while (roots_ != nullptr) {
    std::coroutine_handle<Root>::from_promise(*roots_).destroy();
  }
  ready_.clear();
}

}  // namespace chasqui::rpc
