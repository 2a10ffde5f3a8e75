// SPDX-License-Identifier: Apache-2.0
#include "services/router/dispatch/dispatcher.h"

#include <algorithm>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/status.h"
#include "services/router/policy/slow_start.h"

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

// Of `usable` those that fail again and again, unless these are more than `most_percent` of the
// model's workers, where the fault is hardly theirs, or there is no other.
template <typename Seats>
void LeaveOutEjected(const CatalogueEntry& entry, std::uint32_t most_percent, time::SteadyTime now,
                     Seats& usable) {
  const auto ejected = [now](const Seat* seat) { return seat->member.breaker.Ejects(now); };
  if (std::ranges::none_of(usable, ejected) || std::ranges::all_of(usable, ejected)) return;
  const auto count = static_cast<std::size_t>(std::ranges::count_if(entry.seats, ejected));
  if (100 * count <= most_percent * entry.seats.size()) absl::erase_if(usable, ejected);
}

// Since when the seat's worker takes requests without a break.
time::SteadyTime WarmsSince(const Seat& seat, time::SteadyTime now) {
  const time::SteadyTime back = seat.member.breaker.back_at();
  return back <= now ? std::max(seat.serves_since, back) : seat.serves_since;
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
  RefuseThoseWithoutWorker(now);
  std::erase_if(known_names_, [&](const auto& known) {
    return now - known.second.last > kNamesKnownFor && catalogue_.Find(known.first) == nullptr;
  });
  std::erase_if(models_, [&](const auto& model) {
    return model.second.queue.waiting().empty() && model.second.running == 0 &&
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
  if (const std::optional<std::string> absent = AbsentModel(name)) {
    if (options_.wait_for_worker > time::Duration::zero()) return *absent;
    return NoWorker(name);
  }
  if (registry_.members().empty()) return NoWorker(name);
  if (!name.empty()) {
    if (const CatalogueEntry* entry = catalogue_.Find(name)) return entry->name;
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
  ticket->waiting_since = now;
  // Those who wait could not be placed when something last changed. But an ejection ends without a
  // sign: they are asked again, so that nobody is overtaken.
  const bool waits_its_turn = ticket->slots > 0 && ticket->refusable;
  if (waits_its_turn && state.queue.waiting().has_newcomers()) {
    Serve(ticket->model, Change::kRoom, now);
  }
  if (!waits_its_turn || !state.queue.waiting().has_newcomers()) {
    ticket->outcome = TryPlace(*ticket, state, now);
  }
  if (ticket->outcome.has_value()) return;
  if (ticket->slots == 0) {
    ticket->outcome = NoWorker(ticket->model);
    return;
  }
  ++revision_;
  std::vector<std::shared_ptr<Ticket>> displaced;
  if (absl::Status no = state.queue.Add(ticket, SlotsOf(ticket->model), now, displaced); !no.ok()) {
    ticket->outcome = std::move(no);
  } else {
    whereabouts_.Waits(*ticket);
  }
  for (std::shared_ptr<Ticket>& other : displaced) Decided(std::move(other));
}

bool Dispatcher::Withdraw(const Ticket& ticket) {
  const auto it = models_.find(ticket.model);
  if (ticket.outcome.has_value() || it == models_.end()) return false;
  ++revision_;
  whereabouts_.WaitsNoMore(ticket);
  return it->second.queue.waiting().Remove(ticket);
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
  const bool failed = ending == Ending::kUnreachable || ending == Ending::kFailed;
  if (failed && member.breaker.Failed(now)) ejected_.push_back({member.worker_id, seat.model});
  if (ending == Ending::kAnswered) member.breaker.Succeeded();
  if (place.movable != nullptr) stays_.erase(place.movable);
  if (place.slots == 0) return;
  ModelState& state = StateOf(seat.model);
  seat.own -= place.slots;
  --state.running;
  whereabouts_.RunsNoMore(place.request_key);
  ++revision_;
  seat.refused = ending == Ending::kFull;
  if (ending == Ending::kAnswered) Measure(now - place.since, seat.response_seconds);
  const bool completed = ending != Ending::kFull && ending != Ending::kUnreachable;
  if (completed) state.queue.Completed(now - place.since, place.cost_tokens, now);
  Serve(seat.model, Change::kRoom, now);
}

std::vector<Dispatcher::QueueView> Dispatcher::Queues(time::SteadyTime now) const {
  std::vector<QueueView> views;
  views.reserve(models_.size());
  for (const auto& [model, state] : models_) {
    const WaitQueue& queue = state.queue.waiting();
    views.push_back({.model = model,
                     .waiting = queue.size(),
                     .waiting_tokens = queue.tokens(),
                     .classes = {queue.work(Priority::kLow), queue.work(Priority::kNormal),
                                 queue.work(Priority::kHigh)},
                     .oldest_wait = queue.OldestWait(now),
                     .running = state.running,
                     .refused = state.queue.refused(),
                     .has_worker = HasWorker(model)});
  }
  return views;
}

std::chrono::milliseconds Dispatcher::RetryDelay(std::string_view model,
                                                 time::SteadyTime now) const {
  const auto it = models_.find(model);
  if (it == models_.end()) return options_.retry_delay;
  return it->second.queue.RetryDelay(now);
}

Dispatcher::ModelState& Dispatcher::StateOf(const std::string& model) {
  if (const auto it = models_.find(model); it != models_.end()) return it->second;
  ModelState& state =
      models_
          .try_emplace(model,
                       ModelQueue::Options{.bounds = {.max_requests = options_.max_waiting,
                                                      .max_tokens = options_.max_waiting_tokens},
                                           .retry_delay = options_.retry_delay,
                                           .order = options_.order})
          .first->second;
  state.policy = options_.make_policy();
  return state;
}

// After members or their models changed: the places of every model may be others.
void Dispatcher::Rebuild(time::SteadyTime now) {
  const Catalogue former = std::exchange(catalogue_, Catalogue(registry_.members()));
  for (const Catalogue* catalogue : {&former, &std::as_const(catalogue_)}) {
    for (const auto& [alias, name] : catalogue->aliases()) known_names_[alias] = {name, now};
    for (const auto& [name, entry] : catalogue->entries()) known_names_[name] = {name, now};
  }
  ++revision_;
  ++availability_revision_;
  for (const auto& [model, state] : models_) Serve(model, Change::kWorkers, now);
}

void Dispatcher::Serve(std::string_view model, Change change, time::SteadyTime now) {
  const auto it = models_.find(model);
  if (it == models_.end()) return;
  ModelState& state = it->second;
  state.queue.waiting().Serve(
      now,
      [&](Ticket& ticket) {
        ticket.outcome = TryPlace(ticket, state, now);
        if (ticket.outcome.has_value()) return WaitQueue::Verdict::kTake;
        // Where one that goes anywhere finds no room, nobody does.
        const bool goes_anywhere = ticket.avoid.empty() && ticket.fingerprint.empty();
        const bool nobody = change == Change::kRoom && goes_anywhere;
        return nobody ? WaitQueue::Verdict::kKeepAll : WaitQueue::Verdict::kKeep;
      },
      [&](std::shared_ptr<Ticket> ticket) { Decided(std::move(ticket)); });
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
  return WithoutWorker(ticket, now);
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
  LeaveOutEjected(entry, options_.max_ejected_percent, now, usable);
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
  absl::erase_if(seats, [&](const Seat* seat) { return !HasRoom(*seat, ticket.slots); });
  if (seats.empty()) return std::nullopt;
  absl::InlinedVector<Candidate, 16> candidates;
  for (const Seat* seat : seats) {
    candidates.push_back({.order = seat->member.order,
                          .load = seat->load(),
                          .slots = std::max(seat->slots, 1u),
                          .tokens_per_second = seat->tokens_per_second,
                          .response_seconds = seat->response_seconds,
                          .warmth = WarmthOf(now - WarmsSince(*seat, now), options_.slow_start)});
  }
  const Choice choice = state.policy->Choose(
      candidates, ticket.prefix != nullptr ? PrefixHashes(*ticket.prefix) : PrefixHashes());
  Place place = Occupy(*seats[choice.index], ticket, state, now);
  place.reason = choice.reason;
  return place;
}

Place Dispatcher::Occupy(Seat& seat, Ticket& ticket, ModelState& state, time::SteadyTime now) {
  const std::uint32_t slots = std::min(ticket.slots, seat.slots);
  if (slots > 0) {
    seat.own += slots;
    ++state.running;
    ++revision_;
  }
  Place place{.member = seat.member.shared_from_this(),
              .seat = &seat,
              .session = seat.member.session,
              .channel = seat.member.channel,
              .slots = slots,
              .reason = {},
              .prefix = ticket.prefix,
              .since = now,
              .movable = ticket.movable ? &ticket : nullptr,
              .request_key = Whereabouts::KeyOf(ticket.tenant, ticket.request_id),
              .cost_tokens = ticket.cost_tokens};
  if (slots > 0) whereabouts_.Runs(place.request_key);
  if (ticket.movable) {
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
