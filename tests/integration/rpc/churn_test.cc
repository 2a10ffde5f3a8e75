// SPDX-License-Identifier: Apache-2.0
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "common/rpc/one_shot.h"
#include "tests/integration/rpc/rpc_fixture.h"

namespace chasqui::rpc {
namespace {

using namespace std::chrono_literals;

// Many short calls that end in every way there is. What leaks or is used too late is found by the
// sanitizer presets; here all that counts is that everything ends.
class ChurnTest : public RpcTest {
 protected:
  ChurnTest() : RpcTest({.loops = 2}) {}

  // One call that reads a few messages of a longer stream and then ends in one of four ways.
  Task<void> OneCall(uint32_t dice) {
    Int64Value count;
    count.set_value(dice % 7);
    CallOptions options;
    if (dice % 5 == 0) options.deadline = time::SteadyNow() + std::chrono::microseconds(dice % 900);
    ResponseStream<Int64Value> stream(loop(), channel(), "/test.Echo/Count", count, options);
    for (uint32_t i = 0; i < dice % 3; ++i) (void)co_await stream.Read();
    switch (dice / 16 % 4) {
      case 0:
        stream.call().Cancel();
        (void)co_await stream.Finish();
        break;
      case 1:
        co_return;
      case 2:
        stream.call().Cancel();
        break;
      default:
        (void)co_await stream.Finish();
    }
  }

  Task<void> Worker(int calls, uint32_t seed, int& running, OneShot<bool>& all) {
    std::mt19937 random(seed);
    for (int i = 0; i < calls; ++i) co_await OneCall(static_cast<uint32_t>(random()));
    if (--running == 0) all.Set(true);
  }
};

TEST_F(ChurnTest, TenThousandCallsWithRandomEndsAllEnd) {
  RegisterCount();
  Start();

  RunOn(loop(), [&]() -> Task<void> {
    constexpr int kWorkers = 50;
    int running = kWorkers;
    OneShot<bool> all;
    for (uint32_t i = 0; i < kWorkers; ++i) loop().Spawn(Worker(200, i, running, all));
    co_await all;
  });

  EXPECT_TRUE(server().Drain(60s));
  EXPECT_EQ(server().calls_under_way(), 0);
}

}  // namespace
}  // namespace chasqui::rpc
