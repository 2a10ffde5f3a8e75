// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/router/policy/policy.h"
#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

using config::v1::BalancingPolicy;

class RouterBalancing : public RouterFixture {
 protected:
  // A router with two workers of four slots.
  void Start(BalancingPolicy policy) {
    Config config = TestConfig();
    config.mutable_balancing()->set_policy(policy);
    policy_ = policy;
    StartRouter(config);
    w1_ = JoinWorker({.id = "w1", .slots = 4});
    w2_ = JoinWorker({.id = "w2", .slots = 4});
    ASSERT_TRUE(WaitForReady(2));
  }

  double Decisions(const std::string& reason) const {
    return Metric(absl::StrCat("chasqui_router_decisions_total{model=\"tiny\",policy=\"",
                               PolicyName(policy_), "\",reason=\"", reason, "\",tenant=\"\"}"));
  }

  // Requests that run at the worker, by its last report.
  std::uint32_t ActiveAt(const std::string& worker_id) const {
    grpc::ClientContext context;
    fleet::v1::ListWorkersResponse response;
    EXPECT_TRUE(fleet_->ListWorkers(&context, {}, &response).ok());
    for (const auto& worker : response.workers()) {
      if (worker.worker_id() == worker_id) return worker.load().models(0).active();
    }
    return 0;
  }

  static inference::v1::GenerateRequest Turn(const std::vector<std::string>& texts) {
    inference::v1::GenerateRequest request;
    auto role = inference::v1::ROLE_USER;
    for (const std::string& text : texts) {
      auto& message = *request.mutable_chat()->add_messages();
      message.set_role(role);
      message.add_parts()->set_text(text);
      role = role == inference::v1::ROLE_USER ? inference::v1::ROLE_ASSISTANT
                                              : inference::v1::ROLE_USER;
    }
    return request;
  }

  std::unique_ptr<testing::ClientStream> Ask(const std::vector<std::string>& texts) {
    return std::make_unique<testing::ClientStream>(channel_, Turn(texts));
  }

  BalancingPolicy policy_{};
  std::unique_ptr<testing::FakeWorker> w1_;
  std::unique_ptr<testing::FakeWorker> w2_;
};

const std::string kQuestion(600, 'q');

TEST_F(RouterBalancing, ChoosesByTheConfiguredPolicy) {
  for (const auto& [policy, reason] : std::vector<std::pair<BalancingPolicy, std::string>>{
           {config::v1::BALANCING_POLICY_LEAST_CONNECTIONS, "least_loaded"},
           {config::v1::BALANCING_POLICY_ROUND_ROBIN, "turn"},
           {config::v1::BALANCING_POLICY_RANDOM_OF_TWO, "drawn"},
           {config::v1::BALANCING_POLICY_PREFIX_AFFINITY, "prefix_unknown"},
           {config::v1::BALANCING_POLICY_WEIGHTED_RESPONSE_TIME, "drawn"}}) {
    SCOPED_TRACE(PolicyName(policy));
    Start(policy);
    const auto client = Ask({kQuestion});
    ASSERT_TRUE(testing::WaitUntil([&] { return w1_->active() + w2_->active() == 1; }));
    (w1_->active() == 1 ? w1_ : w2_)->NextCall()->Answer({"a"});

    EXPECT_TRUE(client->Wait().ok());
    EXPECT_EQ(Decisions(reason), 1) << metrics_->Text();
  }
}

TEST_F(RouterBalancing, SendsTheSecondTurnToTheWorkerOfTheFirst) {
  Start(config::v1::BALANCING_POLICY_PREFIX_AFFINITY);
  const auto first = Ask({kQuestion});
  w1_->NextCall()->Answer({"answer"});
  ASSERT_TRUE(first->Wait().ok());

  // By turns it would be the other one's.
  const auto second = Ask({kQuestion, "answer", "and then?"});

  w1_->NextCall()->Answer({"more"});
  EXPECT_TRUE(second->Wait().ok());
  EXPECT_EQ(Decisions("prefix_hit"), 1);
}

TEST_F(RouterBalancing, MovesAConversationFromAWorkerThatIsLoadedBeyondTheMargin) {
  Start(config::v1::BALANCING_POLICY_PREFIX_AFFINITY);
  const auto first = Ask({kQuestion});
  w1_->NextCall()->Answer({"answer"});
  ASSERT_TRUE(first->Wait().ok());
  w1_->SetOthers(2);  // of four slots; the margin is one
  ASSERT_TRUE(testing::WaitUntil([&] { return ActiveAt("w1") == 2; }));

  const auto second = Ask({kQuestion, "answer", "and then?"});

  w2_->NextCall()->Answer({"more"});
  EXPECT_TRUE(second->Wait().ok());
  EXPECT_EQ(Decisions("prefix_busy"), 1);
}

TEST_F(RouterBalancing, RemembersTheWorkerThatTookARequestAndNotTheOneThatFailed) {
  Start(config::v1::BALANCING_POLICY_PREFIX_AFFINITY);
  w1_->RefuseAll(grpc::Status(grpc::StatusCode::UNAVAILABLE, "leaving"));
  const auto first = Ask({kQuestion});
  w2_->NextCall()->Answer({"answer"});
  ASSERT_TRUE(first->Wait().ok());
  w1_->SetOthers(0);  // a report: it is no longer suspect
  ASSERT_TRUE(WaitForReady(2));

  const auto second = Ask({kQuestion, "answer", "and then?"});

  w2_->NextCall()->Answer({"more"});
  EXPECT_TRUE(second->Wait().ok());
  EXPECT_EQ(Decisions("prefix_hit"), 1);
  EXPECT_EQ(Metric("chasqui_router_picks_total{worker=\"w1\"}"), 1);
}

}  // namespace
}  // namespace chasqui::router
