// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "tests/integration/router/keys_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// A router with one worker and a client's key with limits.
class RouterLimits : public KeysFixture {
 protected:
  void StartWith(const std::string& client, const std::string& tenants = "") {
    WriteKeys(UsualKeys(client) + tenants);
    StartRouter(WithKeys(TestConfig()));
    fake_ = JoinWorker({.slots = 8, .api_key = worker_.key});
  }

  std::unique_ptr<testing::ClientStream> Start(std::uint32_t max_tokens = 1,
                                               const std::string& prompt = "hello") {
    inference::v1::GenerateRequest request = testing::Prompt(prompt);
    request.mutable_stop()->set_max_tokens(max_tokens);
    return std::make_unique<testing::ClientStream>(
        channel_, request, testing::ClientStream::Options{.metadata = Bearer(client_.key)});
  }

  // A whole stream that used so many tokens.
  grpc::Status Use(std::uint32_t tokens, std::uint32_t max_tokens) {
    const auto client = Start(max_tokens);
    const auto call = fake_->NextCall();
    inference::v1::Usage usage;
    usage.set_completion_tokens(tokens);
    call->SendStarted();
    call->SendChunk("text");
    call->SendFinished(&usage);
    call->Finish();
    return client->Wait();
  }

  double Limited(const std::string& limit) const {
    return Metric("chasqui_router_limited_total{limit=\"" + limit + "\",tenant=\"team-a\"}");
  }

  std::unique_ptr<testing::FakeWorker> fake_;
};

TEST_F(RouterLimits, RefusesMoreRequestsAMinuteThanTheKeyHas) {
  StartWith("tenant: team-a, limits: {requests_per_minute: 2}");
  ASSERT_TRUE(Use(1, 1).ok());
  ASSERT_TRUE(Use(1, 1).ok());

  const auto refused = Start();
  const grpc::Status status = refused->Wait();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Reason(status), "QUOTA_EXCEEDED");
  google::rpc::QuotaFailure failure;
  ASSERT_TRUE(status::GetDetail(rpc::FromGrpc(status), failure));
  EXPECT_EQ(failure.violations(0).subject(), "key:" + client_.id);
  EXPECT_THAT(failure.violations(0).description(), HasSubstr("requests_per_minute"));
  // One is back after half a minute, less what the test took.
  EXPECT_LE(RetryDelay(status), 30s);
  EXPECT_GT(RetryDelay(status), 5s);
  EXPECT_EQ(refused->Trailer("grpc-retry-pushback-ms"), std::to_string(RetryDelay(status).count()));
  EXPECT_EQ(Limited("requests_per_minute"), 1);
  EXPECT_EQ(Metric("chasqui_router_refused_total{reason=\"QUOTA_EXCEEDED\"}"), 1);
}

TEST_F(RouterLimits, RefusesMoreRequestsAnHourThanTheTenantHas) {
  StartWith("tenant: team-a", "tenants:\n- {name: team-a, limits: {requests_per_hour: 1}}\n");
  ASSERT_TRUE(Use(1, 1).ok());

  EXPECT_THAT(Start()->Wait().error_message(), HasSubstr("requests_per_hour of tenant:team-a"));
}

TEST_F(RouterLimits, LimitsOneMethodAlone) {
  StartWith("tenant: team-a, method_limits: {Generate: {requests_per_minute: 1}}");
  ASSERT_EQ(Reason(Ask(client_.key, "no-such-model")), "");  // NOT_FOUND is charged nothing
  {
    const auto calls = concurrency::NamedThread(
        "answer", [this](std::stop_token) { fake_->NextCall()->Answer({}); });
    ASSERT_TRUE(Ask(client_.key).ok());
  }

  EXPECT_EQ(Reason(Ask(client_.key)), "QUOTA_EXCEEDED");
  EXPECT_TRUE(Use(1, 1).ok());
}

TEST_F(RouterLimits, ChargesTheTokensThatMayBeUsedAndSettlesThoseThatWere) {
  StartWith("tenant: team-a, limits: {tokens_per_hour: 1000}");
  const auto running = Start(/*max_tokens=*/900);
  const auto call = fake_->NextCall();
  EXPECT_EQ(Reason(Start(/*max_tokens=*/200)->Wait()), "QUOTA_EXCEEDED");

  inference::v1::Usage usage;
  usage.set_prompt_tokens(5);
  usage.set_completion_tokens(45);
  call->SendStarted();
  call->SendFinished(&usage);
  call->Finish();
  ASSERT_TRUE(running->Wait().ok());

  EXPECT_TRUE(Use(200, 900).ok());
  EXPECT_EQ(Reason(Start(/*max_tokens=*/900)->Wait()), "QUOTA_EXCEEDED");
  EXPECT_EQ(Limited("tokens_per_hour"), 2);
}

TEST_F(RouterLimits, ChargesAUnaryAnswerWhatItUsed) {
  StartWith("tenant: team-a, limits: {tokens_per_hour: 1000}");
  inference::v1::EmbedRequest request;
  request.set_model("tiny");
  request.add_inputs()->set_text(std::string(3600, 'x'));

  for (int i = 0; i < 3; ++i) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + client_.key);
    inference::v1::EmbedResponse response;
    // The fake worker says that it used seven tokens.
    EXPECT_TRUE(inference_->Embed(&context, request, &response).ok());
  }
}

TEST_F(RouterLimits, GivesTheTokensOfWhatNobodyAnsweredBack) {
  StartWith("tenant: team-a, limits: {tokens_per_hour: 1000}");
  fake_->RefuseAll(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "not like that"));

  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Start(/*max_tokens=*/900)->Wait().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(RouterLimits, ChargesWhatABrokenStreamHadSent) {
  StartWith("tenant: team-a, limits: {tokens_per_hour: 1000}");
  const auto client = Start(/*max_tokens=*/900, /*prompt=*/std::string(380, 'x'));
  const auto call = fake_->NextCall();
  call->SendStarted();
  for (int i = 0; i < 5; ++i) call->SendChunk("token ");
  ASSERT_TRUE(client->WaitForEvents(6));
  client->Cancel();
  ASSERT_TRUE(call->WaitUntilCancelled());
  ASSERT_TRUE(testing::WaitUntil([&] { return Metric("chasqui_router_requests_in_flight") == 0; }));

  // 95 of the prompt and 5 chunks are used.
  EXPECT_EQ(Reason(Start(/*max_tokens=*/999, "x")->Wait()), "QUOTA_EXCEEDED");
  EXPECT_TRUE(Use(1, 890).ok());
}

TEST_F(RouterLimits, CountsWhatIsUnderWayUntilItHasEnded) {
  StartWith("tenant: team-a, limits: {concurrent_requests: 2}");
  const auto one = Start();
  const auto one_call = fake_->NextCall();
  const auto other = Start();
  const auto other_call = fake_->NextCall();

  const grpc::Status refused = Start()->Wait();
  EXPECT_THAT(refused.error_message(), HasSubstr("concurrent_requests"));
  EXPECT_EQ(RetryDelay(refused), 1s);
  EXPECT_EQ(Limited("concurrent_requests"), 1);

  one_call->Answer({"a"});
  ASSERT_TRUE(one->Wait().ok());
  ASSERT_TRUE(testing::WaitUntil([&] { return Metric("chasqui_router_requests_in_flight") == 1; }));
  EXPECT_TRUE(Use(1, 1).ok());
}

TEST_F(RouterLimits, ADisconnectedClientLeavesItsPlace) {
  StartWith("tenant: team-a, limits: {concurrent_requests: 1}");
  const auto gone = Start();
  const auto call = fake_->NextCall();
  gone->Cancel();
  ASSERT_TRUE(testing::WaitUntil([&] { return Metric("chasqui_router_requests_in_flight") == 0; }));

  EXPECT_TRUE(Use(1, 1).ok());
}

TEST_F(RouterLimits, ChangeWithTheFile) {
  StartWith("tenant: team-a, limits: {requests_per_hour: 1}");
  ASSERT_TRUE(Use(1, 1).ok());
  ASSERT_EQ(Reason(Start()->Wait()), "QUOTA_EXCEEDED");

  WriteKeys(UsualKeys("tenant: team-a"));
  ASSERT_TRUE(testing::WaitUntil(
      [&] { return Metric("chasqui_router_keys_reads_total{result=\"ok\"}") == 2; }));

  EXPECT_TRUE(Use(1, 1).ok());
}

}  // namespace
}  // namespace chasqui::router
