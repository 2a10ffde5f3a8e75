// SPDX-License-Identifier: Apache-2.0
#include "services/router/admission/shared_fleet.h"

#include <optional>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace chasqui::router {

void Lease::Took() {
  retry_.reset();
  if (fleet_ != nullptr && place_.prefix != nullptr) fleet_->Took(place_);
}

void Lease::End(Ending ending) {
  if (SharedFleet* fleet = std::exchange(fleet_, nullptr)) fleet->Release(place_, ending);
}

// A ticket between Submit() and its outcome: what becomes of it when its request is destroyed.
class SharedFleet::Waiting {
 public:
  Waiting(SharedFleet& fleet, Waiter& waiter) : fleet_(fleet), waiter_(&waiter) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    if (waiter_ == nullptr || fleet_.Withdraw(*waiter_)) return;
    if (waiter_->outcome->ok()) fleet_.Release(**waiter_->outcome, Ending::kDone);
  }

  // From here on the request looks after its outcome itself.
  void Dismiss() { waiter_ = nullptr; }

 private:
  SharedFleet& fleet_;
  Waiter* waiter_;
};

SharedFleet::SharedFleet(Options options, const time::Clock& clock)
    : clock_(clock),
      max_wait_(options.max_wait),
      retry_budget_(options.retry_budget),
      dispatcher_(std::move(options.dispatcher)) {}

// Changes the dispatcher and then, without the lock, tells whom it concerns.
template <typename Change>
auto SharedFleet::Apply(Change change) {
  absl::InlinedVector<Wakeup, 4> wakeups;
  std::vector<Dispatcher::Recalled> recalled;
  std::vector<Dispatcher::Ejection> ejected;
  bool availability = false;
  auto run = [&] {
    absl::MutexLock lock(mutex_);
    const std::uint64_t before = dispatcher_.availability_revision();
    auto result = change(dispatcher_, Clocks());
    for (const std::shared_ptr<Ticket>& ticket : dispatcher_.TakeDecided()) {
      const auto& waiter = static_cast<const Waiter&>(*ticket);
      wakeups.push_back({.loop = &waiter.loop, .wake = waiter.wake});
    }
    recalled = dispatcher_.TakeRecalled();
    ejected = dispatcher_.TakeEjected();
    availability = dispatcher_.availability_revision() != before;
    return result;
  };
  auto result = run();
  for (Wakeup& wakeup : wakeups) {
    if (wakeup.loop->IsCurrent()) {
      wakeup.wake->Set(Waiter::Wake::kDecided);
    } else {
      wakeup.loop->Post([wake = std::move(wakeup.wake)] { wake->Set(Waiter::Wake::kDecided); });
    }
  }
  for (Dispatcher::Recalled& one : recalled) {
    auto waiter = std::static_pointer_cast<Waiter>(std::move(one.ticket));
    rpc::Loop& loop = waiter->loop;
    loop.Post([waiter = std::move(waiter), why = one.why] {
      if (waiter->on_recall != nullptr) waiter->on_recall(why);
    });
  }
  for (const Dispatcher::Ejection& ejection : ejected) {
    if (ejected_ != nullptr) ejected_(ejection);
  }
  if (availability && changed_ != nullptr) changed_();
  return result;
}

absl::StatusOr<Registry::Joined> SharedFleet::Join(const fleet::v1::WorkerHello& hello,
                                                   std::shared_ptr<WorkerChannel> channel) {
  return Apply([&](Dispatcher& dispatcher, Now now) {
    return dispatcher.Join(hello, std::move(channel), now);
  });
}

absl::StatusOr<SessionId> SharedFleet::JoinIfAbsent(const fleet::v1::WorkerHello& hello,
                                                    std::shared_ptr<WorkerChannel> channel) {
  return Apply([&](Dispatcher& dispatcher, Now now) -> absl::StatusOr<SessionId> {
    if (dispatcher.registry().members().contains(hello.worker_id())) {
      return status::Error(absl::StatusCode::kAlreadyExists, "MEMBER",
                           absl::StrCat("worker '", hello.worker_id(), "' is a member already"));
    }
    const absl::StatusOr<Registry::Joined> joined = dispatcher.Join(hello, std::move(channel), now);
    if (!joined.ok()) return joined.status();
    return joined->session;
  });
}

absl::Status SharedFleet::Report(SessionId session, const fleet::v1::LoadReport& load) {
  return Apply(
      [&](Dispatcher& dispatcher, Now now) { return dispatcher.Report(session, load, now); });
}

absl::Status SharedFleet::SetModels(SessionId session, const fleet::v1::WorkerModels& models) {
  return Apply(
      [&](Dispatcher& dispatcher, Now now) { return dispatcher.SetModels(session, models, now); });
}

void SharedFleet::Leave(SessionId session) {
  Apply([&](Dispatcher& dispatcher, Now now) {
    dispatcher.Leave(session, now.steady);
    return true;
  });
}

void SharedFleet::Suspect(SessionId session) {
  Apply([&](Dispatcher& dispatcher, Now) {
    dispatcher.Suspect(session);
    return true;
  });
}

std::vector<SessionId> SharedFleet::Expire() {
  return Apply([](Dispatcher& dispatcher, Now now) { return dispatcher.Expire(now.steady); });
}

absl::StatusOr<SessionId> SharedFleet::SetDrain(std::string_view worker_id, bool drain) {
  return Apply([&](Dispatcher& dispatcher, Now now) -> absl::StatusOr<SessionId> {
    const absl::StatusOr<Member*> member = dispatcher.SetDrain(worker_id, drain, now.steady);
    if (!member.ok()) return member.status();
    return (*member)->session;
  });
}

absl::StatusOr<std::string> SharedFleet::Resolve(std::string_view model) const {
  return Look(
      [&](const Dispatcher& dispatcher, time::SteadyTime) { return dispatcher.Resolve(model); });
}

rpc::Task<absl::StatusOr<Lease>> SharedFleet::Acquire(rpc::ServerCall& call,
                                                      std::shared_ptr<Waiter> waiter) {
  const auto on_cancel = call.OnCancel([&waiter = *waiter] { waiter.GiveUp(); });
  co_return co_await Acquire(waiter);
}

rpc::Task<absl::StatusOr<Lease>> SharedFleet::Acquire(std::shared_ptr<Waiter> waiter) {
  waiter->outcome.reset();
  waiter->wake = std::make_shared<rpc::OneShot<Waiter::Wake>>();
  if (!Submit(waiter)) {
    Waiting waiting(*this, *waiter);
    const auto on_timeout =
        waiter->loop.After(waiter->max_wait.value_or(max_wait_),
                           [&wake = *waiter->wake] { wake.Set(Waiter::Wake::kTimeout); });
    const Waiter::Wake wake = co_await *waiter->wake;
    waiting.Dismiss();
    // Giving up and being served may cross: what was decided then counts.
    if (wake != Waiter::Wake::kDecided && Withdraw(*waiter)) {
      if (wake == Waiter::Wake::kCancelled) co_return absl::CancelledError("the client is gone");
      co_return status::ResourceExhausted(
          "QUEUE_TIMEOUT",
          absl::StrCat("no slot of model '", waiter->model,
                       "' came free in the longest time a "
                       "request may wait"),
          Look([&](const Dispatcher& dispatcher, time::SteadyTime now) {
            return dispatcher.RetryDelay(waiter->model, now);
          }));
    }
  }
  absl::StatusOr<Place> place = *std::exchange(waiter->outcome, std::nullopt);
  if (!place.ok()) co_return std::move(place).status();
  co_return Lease(*this, *std::move(place));
}

void SharedFleet::Took(const Place& place) {
  absl::MutexLock lock(mutex_);
  dispatcher_.Took(place);
}

void SharedFleet::Release(const Place& place, Ending ending) {
  Apply([&](Dispatcher& dispatcher, Now now) {
    dispatcher.Release(place, ending, now.steady);
    return true;
  });
}

bool SharedFleet::Submit(const std::shared_ptr<Waiter>& waiter) {
  return Apply([&](Dispatcher& dispatcher, Now now) {
    dispatcher.Submit(waiter, now.steady);
    return waiter->outcome.has_value();
  });
}

bool SharedFleet::Withdraw(const Waiter& waiter) {
  return Apply([&](Dispatcher& dispatcher, Now) { return dispatcher.Withdraw(waiter); });
}

}  // namespace chasqui::router
