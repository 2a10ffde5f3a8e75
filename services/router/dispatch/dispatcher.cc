// SPDX-License-Identifier: Apache-2.0
#include "services/router/dispatch/dispatcher.h"

#include <algorithm>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

constexpr time::Duration kNamesKnownFor = std::chrono::minutes(10);
constexpr std::size_t kMaxNamesTold = 20;

std::string KnownNames(const Catalogue& catalogue) {
  std::vector<std::string_view> names;
  for (const auto& [name, entry] : catalogue.entries()) names.push_back(name);
  const std::size_t all = names.size();
  names.resize(std::min(all, kMaxNamesTold));
  return absl::StrCat(absl::StrJoin(names, ", "), all > names.size() ? ", ..." : "");
}

// Of `usable` those that fail again and again, unless these are more than half of the model's
// workers, where the fault is hardly theirs, or there is no other.
template <typename Seats>
void LeaveOutEjected(const CatalogueEntry& entry, time::SteadyTime now, Seats& usable) {
  const auto ejected = [now](const Seat* seat) { return seat->member.breaker.Ejects(now); };
  if (std::ranges::none_of(usable, ejected) || std::ranges::all_of(usable, ejected)) return;
  const auto count = static_cast<std::size_t>(std::ranges::count_if(entry.seats, ejected));
  if (2 * count <= entry.seats.size()) absl::erase_if(usable, ejected);
}

// Weight of one answer in the average of response times: the last ten or so count.
constexpr double kNewest = 0.1;

void Measure(time::Duration response, double& average) {
  const double seconds = std::chrono::duration<double>(response).count();
  average = average == 0 ? seconds : average + kNewest * (seconds - average);
}

}  // namespace

Dispatcher::Dispatcher(Options options)
    : options_(std::move(options)), registry_(options_.registry) {}

absl::StatusOr<Registry::Joined> Dispatcher::Join(const fleet::v1::WorkerHello& hello,
                                                  std::shared_ptr<WorkerChannel> channel, Now now) {
  ABSL_ASSIGN_OR_RETURN(const Registry::Joined joined,
                        registry_.Join(hello, std::move(channel), now));
  Rebuild(now.steady);
  return joined;
}

absl::Status Dispatcher::Report(SessionId session, const fleet::v1::LoadReport& load, Now now) {
  const Member* member = registry_.FindSession(session);
  const bool took_requests = member != nullptr && member->takes_requests();
  ABSL_RETURN_IF_ERROR(registry_.Report(session, load, now));
  ++revision_;
  const bool same = member->takes_requests() == took_requests;
  if (!same) ++availability_revision_;
  for (const auto& [model, seat] : member->seats) {
    Serve(model, same ? Change::kRoom : Change::kWorkers, now.steady);
  }
  if (!same) RecallStreams(now.steady);
  return absl::OkStatus();
}

absl::Status Dispatcher::SetModels(SessionId session, const fleet::v1::WorkerModels& models,
                                   Now now) {
  ABSL_RETURN_IF_ERROR(registry_.SetModels(session, models, now));
  Rebuild(now.steady);
  return absl::OkStatus();
}

void Dispatcher::Leave(SessionId session, time::SteadyTime now) {
  if (registry_.FindSession(session) == nullptr) return;
  registry_.Leave(session);
  Rebuild(now);
  RecallStreams(now);
}

void Dispatcher::Suspect(SessionId session) {
  Member* member = registry_.FindSession(session);
  if (member == nullptr || member->suspect) return;
  member->suspect = true;
  ++revision_;
}

std::vector<SessionId> Dispatcher::Expire(time::SteadyTime now) {
  std::vector<SessionId> dropped = registry_.Expire(now);
  if (!dropped.empty()) Rebuild(now);
  std::erase_if(known_names_, [&](const auto& known) {
    return now - known.second > kNamesKnownFor && catalogue_.Find(known.first) == nullptr;
  });
  std::erase_if(models_, [&](const auto& model) {
    return model.second.queue.empty() && model.second.running == 0 &&
           !known_names_.contains(model.first);
  });
  RecallStreams(now);
  return dropped;
}

absl::StatusOr<Member*> Dispatcher::SetDrain(std::string_view worker_id, bool drain,
                                             time::SteadyTime now) {
  ABSL_ASSIGN_OR_RETURN(Member * member, registry_.SetDrain(worker_id, drain));
  Rebuild(now);
  RecallStreams(now);
  return member;
}

absl::StatusOr<std::string> Dispatcher::Resolve(std::string_view name) const {
  const auto& entries = catalogue_.entries();
  if (registry_.members().empty()) return NoWorker(name);
  if (!name.empty()) {
    if (const CatalogueEntry* entry = catalogue_.Find(name)) return entry->name;
    if (known_names_.contains(name)) return NoWorker(name);
    return status::NotFound("model", name,
                            absl::StrCat("no worker serves it; known: ", KnownNames(catalogue_)));
  }
  if (entries.empty()) return NoWorker(name);
  if (entries.size() == 1) return entries.begin()->first;
  // Models that are merely known to workers do not make the choice ambiguous.
  const std::string* only = nullptr;
  for (const auto& [entry_name, entry] : entries) {
    if (entry.seats.empty()) continue;
    if (only != nullptr) {
      only = nullptr;
      break;
    }
    only = &entry_name;
  }
  if (only != nullptr) return *only;
  return status::InvalidArgument(
      "model", absl::StrCat("must be set, there are several: ", KnownNames(catalogue_)));
}

void Dispatcher::Submit(std::shared_ptr<Ticket> ticket, time::SteadyTime now) {
  ModelState& state = StateOf(ticket->model);
  // Those who wait could not be placed when something last changed, so nobody is overtaken.
  ticket->outcome = TryPlace(*ticket, state, now);
  if (ticket->outcome.has_value()) return;
  if (!ticket->needs_slot) {
    ticket->outcome = NoWorker(ticket->model);
    return;
  }
  if (ticket->refusable && state.queue.size() >= options_.max_waiting) {
    ++state.refused_total;
    ++revision_;
    ticket->outcome = status::ResourceExhausted(
        "QUEUE_FULL",
        absl::StrCat("all slots of model '", ticket->model, "' are busy and ", state.queue.size(),
                     " requests wait, as many as may"),
        RetryDelay(ticket->model, now));
    return;
  }
  ticket->waiting_since = now;
  state.queue.Add(std::move(ticket));
  ++revision_;
}

bool Dispatcher::Withdraw(const Ticket& ticket) {
  const auto it = models_.find(ticket.model);
  if (ticket.outcome.has_value() || it == models_.end()) return false;
  ++revision_;
  return it->second.queue.Remove(ticket);
}

void Dispatcher::Took(const Place& place) {
  const auto it = models_.find(place.seat->model);
  if (place.prefix == nullptr || it == models_.end()) return;
  it->second.policy->Took(place.member->order, *place.prefix);
}

void Dispatcher::Release(const Place& place, Ending ending, time::SteadyTime now) {
  Member& member = *place.member;
  Seat& seat = *place.seat;
  if (ending == Ending::kUnreachable && member.session == place.session) member.suspect = true;
  if (ending == Ending::kUnreachable || ending == Ending::kFailed) member.breaker.Failed(now);
  if (ending == Ending::kAnswered) member.breaker.Succeeded();
  if (place.movable != nullptr) stays_.erase(place.movable);
  if (!place.takes_slot) return;
  ModelState& state = StateOf(seat.model);
  --seat.own;
  --state.running;
  ++revision_;
  seat.refused = ending == Ending::kFull;
  if (ending == Ending::kAnswered) Measure(now - place.since, seat.response_seconds);
  const bool completed = ending != Ending::kFull && ending != Ending::kUnreachable;
  if (completed) state.completions.Add(now);
  Serve(seat.model, Change::kRoom, now);
}

std::vector<Dispatcher::QueueView> Dispatcher::Queues(time::SteadyTime now) const {
  std::vector<QueueView> views;
  views.reserve(models_.size());
  for (const auto& [model, state] : models_) {
    views.push_back({.model = model,
                     .waiting = state.queue.size(),
                     .oldest_wait = state.queue.OldestWait(now),
                     .running = state.running,
                     .refused_total = state.refused_total});
  }
  return views;
}

std::chrono::milliseconds Dispatcher::RetryDelay(std::string_view model,
                                                 time::SteadyTime now) const {
  const auto it = models_.find(model);
  if (it == models_.end()) return options_.retry_delay;
  return EstimateRetryDelay(it->second.queue.size(), it->second.completions.PerSecond(now),
                            options_.retry_delay);
}

Dispatcher::ModelState& Dispatcher::StateOf(const std::string& model) {
  const auto [it, added] = models_.try_emplace(model);
  if (added) it->second.policy = options_.make_policy();
  return it->second;
}

// After members or their models changed: the places of every model may be others.
void Dispatcher::Rebuild(time::SteadyTime now) {
  const Catalogue former = std::exchange(catalogue_, Catalogue(registry_.members()));
  for (const Catalogue* catalogue : {&former, &std::as_const(catalogue_)}) {
    for (const auto& [name, entry] : catalogue->entries()) known_names_[name] = now;
    for (const auto& [alias, name] : catalogue->aliases()) known_names_[alias] = now;
  }
  ++revision_;
  ++availability_revision_;
  for (const auto& [model, state] : models_) Serve(model, Change::kWorkers, now);
}

void Dispatcher::Serve(std::string_view model, Change change, time::SteadyTime now) {
  const auto it = models_.find(model);
  if (it == models_.end()) return;
  ModelState& state = it->second;
  state.queue.Serve(
      [&](Ticket& ticket) {
        ticket.outcome = TryPlace(ticket, state, now);
        if (ticket.outcome.has_value()) return WaitQueue::Verdict::kTake;
        // Where one that goes anywhere finds no room, nobody does.
        const bool nobody = change == Change::kRoom && ticket.avoid.empty();
        return nobody ? WaitQueue::Verdict::kKeepAll : WaitQueue::Verdict::kKeep;
      },
      [&](std::shared_ptr<Ticket> ticket) { decided_.push_back(std::move(ticket)); });
}

// Movable requests are few thousands at the most; they are looked at once a second, and when a
// worker's state changes.
void Dispatcher::RecallStreams(time::SteadyTime now) {
  for (const auto& [ticket, stay] : stays_) {
    const auto why = WhyLeave(*stay.member, *stay.seat, now, options_.still_after);
    if (why.has_value()) recalled_.push_back({.ticket = stay.ticket, .why = *why});
  }
}

std::optional<absl::StatusOr<Place>> Dispatcher::TryPlace(Ticket& ticket, ModelState& state,
                                                          time::SteadyTime now) {
  if (const CatalogueEntry* entry = catalogue_.Find(ticket.model)) {
    Seats usable = UsableSeats(*entry, ticket, /*anywhere=*/false, now);
    if (usable.empty() && ticket.outlasts_workers) {
      usable = UsableSeats(*entry, ticket, /*anywhere=*/true, now);
    }
    if (!usable.empty()) return Pick(usable, ticket, state, now);
  }
  if (ticket.outlasts_workers) return std::nullopt;
  return NoWorker(ticket.model);
}

Dispatcher::Seats Dispatcher::UsableSeats(const CatalogueEntry& entry, const Ticket& ticket,
                                          bool anywhere, time::SteadyTime now) const {
  const auto suits = [&](const Seat* seat) {
    return (anywhere || !ticket.Avoids(seat->member.session)) &&
           (ticket.fingerprint.empty() || ticket.fingerprint == seat->fingerprint);
  };
  Seats usable;
  for (Seat* seat : entry.seats) {
    if (IsServable(*seat) && suits(seat)) usable.push_back(seat);
  }
  if (!ticket.fingerprint.empty()) {
    for (Seat* seat : entry.other_seats) {
      if (IsServable(*seat) && suits(seat)) usable.push_back(seat);
    }
  }
  LeaveOutEjected(entry, now, usable);
  if (!usable.empty()) return usable;
  for (Seat* seat : entry.loadable_seats) {
    if (IsLoadable(*seat) && suits(seat)) usable.push_back(seat);
  }
  // One worker is to load it, not all of them: where requests have gone already, others follow.
  const auto chosen = [](const Seat* seat) { return seat->load() > 0; };
  if (std::ranges::any_of(usable, chosen))
    absl::erase_if(usable, [&](const Seat* seat) { return !chosen(seat); });
  return usable;
}

std::optional<absl::StatusOr<Place>> Dispatcher::Pick(Seats& seats, Ticket& ticket,
                                                      ModelState& state, time::SteadyTime now) {
  absl::erase_if(seats, [&](const Seat* seat) { return !HasRoom(*seat, ticket.needs_slot); });
  if (seats.empty()) return std::nullopt;
  absl::InlinedVector<Candidate, 16> candidates;
  for (const Seat* seat : seats) {
    candidates.push_back({.order = seat->member.order,
                          .load = seat->load(),
                          .slots = std::max(seat->slots, 1u),
                          .tokens_per_second = seat->tokens_per_second,
                          .response_seconds = seat->response_seconds});
  }
  const Choice choice = state.policy->Choose(
      candidates, ticket.prefix != nullptr ? PrefixHashes(*ticket.prefix) : PrefixHashes());
  Place place = Occupy(*seats[choice.index], ticket, state);
  place.reason = choice.reason;
  place.since = now;
  return place;
}

Place Dispatcher::Occupy(Seat& seat, Ticket& ticket, ModelState& state) {
  if (ticket.needs_slot) {
    ++seat.own;
    ++state.running;
    ++revision_;
  }
  Place place{.member = seat.member.shared_from_this(),
              .seat = &seat,
              .session = seat.member.session,
              .channel = seat.member.channel,
              .takes_slot = ticket.needs_slot,
              .reason = {},
              .prefix = ticket.prefix,
              .since = {}};
  if (ticket.movable) {
    place.movable = &ticket;
    stays_[&ticket] = {.ticket = ticket.shared_from_this(), .member = place.member, .seat = &seat};
  }
  return place;
}

absl::Status Dispatcher::NoWorker(std::string_view model) const {
  return status::Unavailable(
      "NO_WORKER",
      model.empty() ? std::string("no worker has joined this router")
                    : absl::StrCat("no worker that takes requests has model '", model, "'"),
      options_.retry_delay);
}

}  // namespace chasqui::router
