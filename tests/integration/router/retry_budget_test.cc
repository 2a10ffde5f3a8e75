// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

// A worker that is leaving, so that whoever is sent there is tried again elsewhere, and one that
// holds every request until the test answers it.
class RouterRetryBudget : public RouterFixture {
 protected:
  void Start(std::uint32_t percent) {
    Config config = TestConfig();
    config.mutable_upstream()->set_retry_budget_percent(percent);
    // Or the leaving worker would be left alone after five.
    config.mutable_balancing()->mutable_circuit_breaker()->set_failures(0);
    StartRouter(config);
    leaving_ = JoinWorker({.id = "leaving", .slots = 100});
    leaving_->RefuseAll(rpc::ToGrpc(status::Unavailable("DRAINING", "leaving", 1s)));
    holding_ = JoinWorker({.id = "holding", .slots = 100});
    ASSERT_TRUE(WaitForReady(2));
  }

  // A client whose request the leaving worker refused and the other one holds.
  void Retry() {
    const double before = Retries();
    for (int tries = 0; tries < 4 && Retries() <= before; ++tries) {
      clients_.push_back(Stream());
      calls_.push_back(holding_->NextCall());
      // Its report ends the suspicion.
      leaving_->SetOthers(0);
      ASSERT_TRUE(WaitForReady(2));
    }
    ASSERT_EQ(Retries(), before + 1);
  }

  double Retries() const {
    return std::max(
        0.0,
        Metric("chasqui_router_retries_total{model=\"tiny\",reason=\"unreachable\",tenant=\"\"}"));
  }

  std::unique_ptr<testing::FakeWorker> leaving_;
  std::unique_ptr<testing::FakeWorker> holding_;
  std::vector<std::unique_ptr<testing::ClientStream>> clients_;
  std::vector<std::shared_ptr<testing::FakeCall>> calls_;
};

TEST_F(RouterRetryBudget, DeniesARetryWhenAsManyAsMayAreUnderWay) {
  Start(0);
  for (int i = 0; i < 3; ++i) Retry();

  const grpc::Status denied = Stream()->Wait();

  EXPECT_EQ(Reason(denied), "DRAINING");
  EXPECT_EQ(Metric("chasqui_router_retries_denied_total"), 1);
  EXPECT_EQ(Retries(), 3);
}

TEST_F(RouterRetryBudget, CountsARetryOnlyUntilItIsAnswered) {
  Start(0);
  for (int i = 0; i < 3; ++i) Retry();

  for (std::size_t i = 0; i < calls_.size(); ++i) {
    calls_[i]->SendStarted();
    ASSERT_TRUE(clients_[i]->WaitForEvents(1));
  }

  for (int i = 0; i < 3; ++i) Retry();
  EXPECT_EQ(Metric("chasqui_router_retries_denied_total"), 0);
}

TEST_F(RouterRetryBudget, DeniesNoneAtAHundredPercent) {
  Start(100);

  for (int i = 0; i < 6; ++i) Retry();

  EXPECT_EQ(Metric("chasqui_router_retries_denied_total"), 0);
}

}  // namespace
}  // namespace chasqui::router
