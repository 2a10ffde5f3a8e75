// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "services/router/dispatch/dispatcher.h"
#include "tests/unit/services/router/fleet_builders.h"

namespace chasqui::router {

// A dispatcher with a queue of three and a clock that the test moves. Useful for tests of what
// becomes of requests.
class DispatcherTest : public ::testing::Test {
 protected:
  explicit DispatcherTest(Dispatcher::Options options = Options(3))
      : dispatcher_(std::move(options)) {}

  static Dispatcher::Options Options(std::size_t max_waiting) {
    return {.registry = {.max_workers = 10, .silence = std::chrono::seconds(3)},
            .max_waiting = max_waiting,
            .retry_delay = std::chrono::seconds(1),
            .make_policy = [] { return MakePolicy(config::v1::BalancingConfig(), nullptr); }};
  }

  SessionId Join(const fleet::v1::WorkerHello& hello) {
    return dispatcher_.Join(hello, nullptr, At(now_))->session;
  }

  // A worker of `slots` slots for "tiny".
  SessionId Join(const std::string& id, std::uint32_t slots) {
    fleet::v1::WorkerHello hello = Hello(id);
    *hello.mutable_load() = Load({.slots = slots});
    return Join(hello);
  }

  void Report(SessionId session, const LoadOf& of) {
    ASSERT_TRUE(dispatcher_.Report(session, Load(of), At(now_)).ok());
  }

  std::shared_ptr<Ticket> NewTicket() {
    auto ticket = std::make_shared<Ticket>();
    ticket->model = "tiny";
    ticket->arrival = next_arrival_++;
    return ticket;
  }

  std::shared_ptr<Ticket> Submit() { return Submit(NewTicket()); }
  std::shared_ptr<Ticket> Submit(std::shared_ptr<Ticket> ticket) {
    ticket->outcome.reset();
    dispatcher_.Submit(ticket, At(now_).steady);
    return ticket;
  }

  void Release(const Ticket& ticket, Ending ending = Ending::kDone) {
    dispatcher_.Release(**ticket.outcome, ending, At(now_).steady);
  }

  // What a request does after an attempt that failed.
  void ComeBack(const std::shared_ptr<Ticket>& ticket, Ending ending) {
    const Place place = **ticket->outcome;
    if (ending == Ending::kUnreachable) ticket->avoid.push_back(place.session);
    ticket->refusable = false;
    dispatcher_.Release(place, ending, At(now_).steady);
    Submit(ticket);
  }

  // The worker the ticket was given; "waits" or the error's code when none.
  static std::string WhereTo(const Ticket& ticket) {
    if (!ticket.outcome.has_value()) return "waits";
    if (!ticket.outcome->ok()) return absl::StatusCodeToString(ticket.outcome->status().code());
    return (*ticket.outcome)->member->worker_id;
  }
  static std::string WhereTo(const std::shared_ptr<Ticket>& ticket) { return WhereTo(*ticket); }

  std::chrono::milliseconds now_{0};
  std::uint64_t next_arrival_ = 1;
  Dispatcher dispatcher_;
};

}  // namespace chasqui::router
