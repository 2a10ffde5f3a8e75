// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "services/router/queue/wait_queue.h"

namespace chasqui::router {
namespace {

constexpr int kTenants = 1000;

// A queue that stays as long as it is: one comes, one is served. What one costs is drawn from 1 to
// `dearest` tokens, in turns of a quantum of 1024.
class Traffic {
 public:
  Traffic(std::size_t waiting, std::uint32_t dearest) : dearest_(dearest) {
    for (std::size_t i = 0; i < waiting; ++i) Add();
  }

  void Add() {
    auto ticket = std::make_shared<Ticket>();
    ticket->arrival = next_++;
    ticket->tenant = "tenant-" + std::to_string(random_() % kTenants);
    ticket->priority = static_cast<Priority>(random_() % kPriorities);
    ticket->cost_tokens = static_cast<std::uint32_t>(1 + random_() % dearest_);
    now_ += std::chrono::milliseconds(1);
    ticket->waiting_since = now_;
    queue_.Add(std::move(ticket));
  }

  // As when a slot comes free: one is served, the next is asked in vain.
  void Serve() {
    bool room = true;
    queue_.Serve(
        now_,
        [&](Ticket&) {
          return std::exchange(room, false) ? WaitQueue::Verdict::kTake
                                            : WaitQueue::Verdict::kKeepAll;
        },
        [](std::shared_ptr<Ticket> ticket) { benchmark::DoNotOptimize(ticket); });
  }

  WaitQueue& queue() { return queue_; }

 private:
  const std::uint32_t dearest_;
  std::mt19937_64 random_{1};
  std::uint64_t next_ = 0;
  time::SteadyTime now_{std::chrono::hours(1)};
  WaitQueue queue_;
};

void AddAndServe(benchmark::State& state) {
  Traffic traffic(static_cast<std::size_t>(state.range(0)),
                  static_cast<std::uint32_t>(state.range(1)));
  for (auto _ : state) {
    traffic.Add();
    traffic.Serve();
  }
}
BENCHMARK(AddAndServe)
    ->ArgNames({"waiting", "dearest"})
    ->Args({10, 2000})
    ->Args({1000, 2000})
    ->Args({10'000, 2000})
    ->Args({100'000, 2000})
    ->Args({10'000, 200'000});

// What a request with a deadline costs where it may come too late.
void BeforeNewcomer(benchmark::State& state) {
  Traffic traffic(10'000, 2000);
  Ticket ticket;
  ticket.tenant = "tenant-7";
  for (auto _ : state) benchmark::DoNotOptimize(traffic.queue().BeforeNewcomer(ticket));
}
BENCHMARK(BeforeNewcomer);

}  // namespace
}  // namespace chasqui::router
