// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

using RouterSlowReader = RouterFixture;

// Waits until the number stands still for half a second.
std::size_t WhenItStops(const testing::FakeCall& call) {
  std::size_t last = 0;
  time::SteadyTime since = time::SteadyNow();
  EXPECT_TRUE(testing::WaitUntil([&] {
    const std::size_t now = call.events_written();
    if (now != last) since = time::SteadyNow();
    last = now;
    return now > 0 && time::SteadyNow() - since > 500ms;
  }));
  return last;
}

TEST_F(RouterSlowReader, HoldsItsOwnWorkerUpAndLosesNothing) {
  Config config = TestConfig();
  config.mutable_upstream()->set_max_buffered_events(4);
  StartRouter(config);
  const auto worker = JoinWorker({.slots = 2});
  const std::string text(64 * 1024, 'x');
  constexpr std::size_t kChunks = 300;  // 19 MB

  const auto slow = Stream("slow", {.paused = true});
  const auto slow_call = worker->NextCall();
  slow_call->Answer(std::vector<std::string>(kChunks, text));
  const std::size_t taken = WhenItStops(*slow_call);
  EXPECT_LT(taken, kChunks) << "the router must not take what nobody reads";

  const auto quick = Stream("quick");
  worker->NextCall()->Answer({"at once"});
  EXPECT_TRUE(quick->Wait().ok()) << "another stream does not suffer";

  slow->Resume();
  EXPECT_TRUE(slow->Wait().ok());
  EXPECT_EQ(slow->text().size(), kChunks * text.size());
}

TEST_F(RouterSlowReader, LetsGoWhenTheSlowOneLeaves) {
  StartRouter();
  const auto worker = JoinWorker();
  auto slow = Stream("slow", {.paused = true});
  const auto call = worker->NextCall();
  call->Answer(std::vector<std::string>(300, std::string(64 * 1024, 'x')));
  WhenItStops(*call);

  slow.reset();

  EXPECT_TRUE(testing::WaitUntil([&] { return worker->active() == 0; }));
  EXPECT_TRUE(testing::WaitUntil([&] { return Metric("chasqui_router_requests_in_flight") == 0; }));
}

}  // namespace
}  // namespace chasqui::router
