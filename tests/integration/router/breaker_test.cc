// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/router/router_fixture.h"
#include "tests/support/fake_clock.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;

// Two workers: one that fails by its own fault, and one whose clients ask for what is wrong.
class RouterBreaker : public RouterFixture {
 protected:
  // Nobody must be dropped as silent when the clock is moved.
  static Config Patient() {
    Config config = TestConfig();
    *config.mutable_membership()->mutable_report_interval() = service::ToProto(60s);
    return config;
  }

  void SetUp() override {
    StartRouter(Patient(), clock_);
    failing_ = JoinWorker({.id = "failing", .slots = 4});
    sound_ = JoinWorker({.id = "sound", .slots = 4});
    failing_->RefuseAll(grpc::Status(StatusCode::INTERNAL, "decode failed"));
    sound_->RefuseAll(grpc::Status(StatusCode::INVALID_ARGUMENT, "no such adapter"));
    ASSERT_TRUE(WaitForReady(2));
  }

  // The router goes by a clock that ends before it would.
  void TearDown() override { router_.reset(); }

  // Sends requests until the failing worker has failed so often.
  void Fail(int times) {
    for (int tries = 0; times > 0 && tries < 100; ++tries) {
      if (Generate(testing::Prompt("x")).error_code() == StatusCode::INTERNAL) --times;
    }
    ASSERT_EQ(times, 0);
  }

  // How many of ten requests get the code.
  int CountOf(StatusCode code) {
    int count = 0;
    for (int i = 0; i < 10; ++i) {
      count += Generate(testing::Prompt("x")).error_code() == code ? 1 : 0;
    }
    return count;
  }

  testing::FakeClock clock_;
  std::unique_ptr<testing::FakeWorker> failing_;
  std::unique_ptr<testing::FakeWorker> sound_;
};

constexpr char kEjections[] = R"(chasqui_router_ejections_total{model="tiny",worker="failing"})";

TEST_F(RouterBreaker, EjectsAWorkerAfterFiveFailures) {
  Fail(4);
  EXPECT_EQ(Metric(kEjections), -1);

  Fail(1);

  EXPECT_EQ(Metric(kEjections), 1);
  EXPECT_EQ(Metric("chasqui_router_workers{state=\"ejected\"}"), 1);
  EXPECT_EQ(CountOf(StatusCode::INTERNAL), 0);
}

TEST_F(RouterBreaker, TakesARecoveredWorkerBack) {
  Fail(5);
  failing_->RefuseAll(grpc::Status(StatusCode::NOT_FOUND, "it serves again"));
  ASSERT_EQ(CountOf(StatusCode::NOT_FOUND), 0);

  clock_.Advance(30s);

  EXPECT_EQ(Metric("chasqui_router_workers{state=\"ejected\"}"), 0);
  EXPECT_EQ(CountOf(StatusCode::NOT_FOUND), 5);
}

TEST_F(RouterBreaker, EjectsAgainAndLongerAWorkerThatHasNotRecovered) {
  Fail(5);
  clock_.Advance(30s);

  Fail(1);
  clock_.Advance(59s);
  EXPECT_EQ(CountOf(StatusCode::INTERNAL), 0);
  EXPECT_EQ(Metric(kEjections), 2);

  clock_.Advance(1s);
  Fail(1);
}

TEST_F(RouterBreaker, IsNotTrippedByWhatClientsDoWrong) {
  failing_->RefuseAll(grpc::Status(StatusCode::FAILED_PRECONDITION, "no chat template"));

  EXPECT_EQ(CountOf(StatusCode::FAILED_PRECONDITION), 5);
  EXPECT_EQ(CountOf(StatusCode::INVALID_ARGUMENT), 5);

  EXPECT_EQ(Metric("chasqui_router_workers{state=\"ejected\"}"), 0);
}

TEST_F(RouterBreaker, EjectsAsItIsConfigured) {
  Config config = Patient();
  auto& breaker = *config.mutable_balancing()->mutable_circuit_breaker();
  breaker.set_failures(1);
  *breaker.mutable_base_ejection() = service::ToProto(5s);
  StartRouter(config, clock_);
  const auto failing = JoinWorker({.id = "failing", .slots = 4});
  const auto sound = JoinWorker({.id = "sound", .slots = 4});
  failing->RefuseAll(grpc::Status(StatusCode::INTERNAL, "decode failed"));
  sound->RefuseAll(grpc::Status(StatusCode::INVALID_ARGUMENT, "no such adapter"));
  ASSERT_TRUE(WaitForReady(2));

  Fail(1);

  EXPECT_EQ(CountOf(StatusCode::INTERNAL), 0);
  clock_.Advance(5s);
  EXPECT_EQ(CountOf(StatusCode::INTERNAL), 1);
}

}  // namespace
}  // namespace chasqui::router
