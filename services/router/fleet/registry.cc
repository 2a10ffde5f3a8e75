// SPDX-License-Identifier: Apache-2.0
#include "services/router/fleet/registry.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/router/fleet/hello.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

void TakeModels(Member& member, const fleet::v1::WorkerModels& models, time::SteadyTime now) {
  member.models.assign(models.models().begin(), models.models().end());
  for (auto& [name, seat] : member.seats) seat.ready = seat.loadable = false;
  for (const inference::v1::Model& model : member.models) {
    const auto [it, added] = member.seats.try_emplace(model.name(), member);
    Seat& seat = it->second;
    if (added) seat.last_progress = now;
    seat.model = model.name();
    seat.fingerprint = model.fingerprint();
    seat.ready = model.state() == inference::v1::MODEL_STATE_READY;
    seat.loadable = model.state() == inference::v1::MODEL_STATE_UNLOADED ||
                    model.state() == inference::v1::MODEL_STATE_LOADING;
    if (seat.slots == 0) seat.slots = model.slots();
  }
  std::erase_if(member.seats, [&](const auto& entry) {
    return entry.second.own == 0 &&
           std::ranges::none_of(member.models, [&](const inference::v1::Model& model) {
             return model.name() == entry.first;
           });
  });
}

void TakeLoad(Member& member, const fleet::v1::LoadReport& load, Now now) {
  member.load = load;
  member.load_time = now.system;
  member.suspect = false;
  for (auto& [name, seat] : member.seats) {
    if (!seat.ready) seat.last_progress = now.steady;  // it is being loaded
  }
  for (const fleet::v1::ModelLoad& report : load.models()) {
    const auto it = member.seats.find(report.model());
    if (it == member.seats.end()) continue;
    Seat& seat = it->second;
    seat.slots = report.slots();
    seat.others = report.active() - std::min(report.active(), report.active_from_you());
    seat.tokens_per_second = report.decode_tokens_per_second();
    seat.refused = false;
    const std::uint64_t computed = report.generated_tokens_total() + report.prompt_tokens_total();
    if (report.active() == 0 || computed != seat.computed_tokens) seat.last_progress = now.steady;
    seat.computed_tokens = computed;
  }
}

void NoteWhatServes(Member& member, time::SteadyTime now) {
  const bool takes_requests = member.load.state() == fleet::v1::WORKER_STATE_READY;
  for (auto& [name, seat] : member.seats) {
    const bool served = std::exchange(seat.serves, seat.ready && takes_requests);
    if (seat.serves && !served) seat.serves_since = now;
  }
}

}  // namespace

absl::StatusOr<Registry::Joined> Registry::Join(const fleet::v1::WorkerHello& hello,
                                                std::shared_ptr<WorkerChannel> channel, Now now) {
  ABSL_RETURN_IF_ERROR(ValidateHello(hello));
  for (const auto& [id, other] : members_) {
    if (other->address == hello.address() && id != hello.worker_id()) {
      return status::Error(
          absl::StatusCode::kAlreadyExists, "ADDRESS_IN_USE",
          absl::StrCat("worker '", id, "' is a member at ", hello.address(), " already"));
    }
  }
  const auto former = members_.find(hello.worker_id());
  if (former == members_.end() && members_.size() >= limits_.max_workers) {
    return status::ResourceExhausted(
        "FLEET_FULL", absl::StrCat("the fleet has as many workers as it may: ", members_.size()),
        5s);
  }

  Joined joined{.session = ++last_session_, .replaced = 0};
  if (former != members_.end()) {
    joined.replaced = former->second->session;
    Depart(former->second);
  }
  std::shared_ptr<Member> member = FindLife(hello);
  member->address = hello.address();
  member->version = hello.version();
  member->devices.assign(hello.devices().begin(), hello.devices().end());
  member->channel = std::move(channel);
  member->session = joined.session;
  member->order = next_order_++;
  member->join_time = now.system;
  member->last_heard = now.steady;
  TakeModels(*member, hello.models(), now.steady);
  fleet::v1::LoadReport load = hello.load();
  if (!hello.has_load()) load.set_state(fleet::v1::WORKER_STATE_STARTING);
  TakeLoad(*member, load, now);
  NoteWhatServes(*member, now.steady);
  sessions_[member->session] = member.get();
  members_[hello.worker_id()] = std::move(member);
  return joined;
}

absl::Status Registry::Report(SessionId session, const fleet::v1::LoadReport& load, Now now) {
  Member* member = FindSession(session);
  if (member == nullptr) return absl::AbortedError("not a member any more");
  ABSL_RETURN_IF_ERROR(ValidateLoad(load));
  member->last_heard = now.steady;
  TakeLoad(*member, load, now);
  NoteWhatServes(*member, now.steady);
  return absl::OkStatus();
}

absl::Status Registry::SetModels(SessionId session, const fleet::v1::WorkerModels& models,
                                 Now now) {
  Member* member = FindSession(session);
  if (member == nullptr) return absl::AbortedError("not a member any more");
  ABSL_RETURN_IF_ERROR(ValidateModels(models));
  member->last_heard = now.steady;
  TakeModels(*member, models, now.steady);
  NoteWhatServes(*member, now.steady);
  return absl::OkStatus();
}

void Registry::Leave(SessionId session) {
  Member* member = FindSession(session);
  if (member == nullptr) return;
  Depart(members_.at(member->worker_id));
}

std::vector<SessionId> Registry::Expire(time::SteadyTime now) {
  std::vector<SessionId> dropped;
  for (const auto& [session, member] : sessions_) {
    if (now - member->last_heard > limits_.silence) dropped.push_back(session);
  }
  for (const SessionId session : dropped) Leave(session);
  return dropped;
}

absl::StatusOr<Member*> Registry::SetDrain(std::string_view worker_id, bool drain) {
  const auto it = members_.find(worker_id);
  if (it == members_.end()) {
    return status::NotFound("worker", worker_id, "it is not a member of the fleet");
  }
  it->second->drain_requested = drain;
  return it->second.get();
}

Member* Registry::FindSession(SessionId session) {
  const auto it = sessions_.find(session);
  return it == sessions_.end() ? nullptr : it->second;
}

// The object of this life of the worker: the one that left with requests running, or a new one.
std::shared_ptr<Member> Registry::FindLife(const fleet::v1::WorkerHello& hello) {
  if (const auto it = departed_.find(hello.worker_id()); it != departed_.end()) {
    std::shared_ptr<Member> former = it->second.lock();
    departed_.erase(it);
    if (former != nullptr && former->incarnation == hello.incarnation()) return former;
  }
  auto member = std::make_shared<Member>();
  member->worker_id = hello.worker_id();
  member->incarnation = hello.incarnation();
  member->breaker = resilience::CircuitBreaker(limits_.breaker);
  return member;
}

void Registry::Depart(std::shared_ptr<Member> member) {
  std::erase_if(departed_, [](const auto& entry) { return entry.second.expired(); });
  sessions_.erase(member->session);
  members_.erase(member->worker_id);
  member->session = 0;
  member->channel = nullptr;
  departed_[member->worker_id] = member;
}

}  // namespace chasqui::router
