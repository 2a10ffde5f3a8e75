// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/integration/router/keys_fixture.h"

namespace chasqui::router {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RouterAuth : public KeysFixture {
 protected:
  // Starts a router with the usual keys and those of `more`.
  void StartWithKeys(const std::string& client = "tenant: team-a", const std::string& more = "",
                     const Config& config = TestConfig()) {
    WriteKeys(UsualKeys(client) + more);
    StartRouter(WithKeys(config));
  }

  grpc::Status ListWorkers(const std::string& key) {
    grpc::ClientContext context;
    if (!key.empty()) context.AddMetadata("authorization", "Bearer " + key);
    fleet::v1::ListWorkersResponse response;
    return fleet_->ListWorkers(&context, fleet::v1::ListWorkersRequest(), &response);
  }
};

TEST_F(RouterAuth, ServesWhoeverHasAKey) {
  StartWithKeys();
  const auto worker = JoinWorker({.api_key = worker_.key});

  const auto client = Stream("hello", {.metadata = Bearer(client_.key)});
  worker->NextCall()->Answer({"a", "b"});

  EXPECT_TRUE(client->Wait().ok());
  EXPECT_EQ(client->text(), "ab");
}

TEST_F(RouterAuth, SaysWhyAKeyIsRefused) {
  const NewApiKey expired = MakeApiKey();
  const NewApiKey disabled = MakeApiKey();
  StartWithKeys("tenant: team-a", Entry(expired, "tenant: a, expire_time: 2001-01-01T00:00:00Z") +
                                      Entry(disabled, "tenant: a, disabled: true"));

  EXPECT_EQ(Ask("").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(AskForReason(""), "API_KEY_MISSING");
  EXPECT_EQ(AskForReason(MakeApiKey().key), "API_KEY_UNKNOWN");
  EXPECT_EQ(AskForReason(expired.key), "API_KEY_EXPIRED");
  EXPECT_EQ(AskForReason(disabled.key), "API_KEY_DISABLED");
  EXPECT_EQ(Metric("chasqui_router_auth_failures_total{reason=\"API_KEY_UNKNOWN\"}"), 1);
  EXPECT_EQ(Metric("chasqui_router_refused_total{reason=\"API_KEY_EXPIRED\"}"), 1);
  EXPECT_THAT(Ask(expired.key).error_message(), Not(HasSubstr(expired.id)));
}

TEST_F(RouterAuth, LetsNobodyTakeUpTheStreamOfAnother) {
  const NewApiKey other = MakeApiKey();
  StartWithKeys("tenant: team-a", Entry(other, "tenant: team-b"));
  const auto worker = JoinWorker({.api_key = worker_.key});
  const auto client =
      Stream("hello", {.metadata = {Bearer(client_.key).front(), {"x-request-id", "theirs"}}});
  worker->NextCall()->Answer({"a", "b"});
  ASSERT_TRUE(client->Wait().ok());
  const auto resume = [&](const std::string& key) {
    grpc::ClientContext context;
    if (!key.empty()) context.AddMetadata("authorization", "Bearer " + key);
    inference::v1::ResumeStreamRequest request;
    request.set_request_id("theirs");
    const auto reader = inference_->ResumeStream(&context, request);
    inference::v1::StreamGenerateResponse event;
    while (reader->Read(&event)) continue;
    return reader->Finish().error_code();
  };

  EXPECT_EQ(resume(""), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(resume(other.key), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(resume(client_.key), grpc::StatusCode::OK);
}

TEST_F(RouterAuth, KeepsAKeyToItsMethodsAndModels) {
  StartWithKeys("tenant: team-a, methods: [Generate, ListModels], models: [small]");
  const auto worker = JoinWorker({.model = "tiny", .api_key = worker_.key});

  EXPECT_EQ(Ask(client_.key).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(AskForReason(client_.key), "MODEL_NOT_ALLOWED");
  const auto stream = Stream("hello", {.metadata = Bearer(client_.key)});
  EXPECT_EQ(Reason(stream->Wait()), "METHOD_NOT_ALLOWED");
  EXPECT_EQ(Metric("chasqui_router_auth_failures_total{reason=\"MODEL_NOT_ALLOWED\"}"), 2);
}

TEST_F(RouterAuth, KeepsAKeyToItsModelsWhenAnotherAnswersInTheirPlace) {
  Config config = TestConfig();
  auto& fallback = *config.mutable_models()->add_fallbacks();
  fallback.set_model("large");
  fallback.add_instead("tiny");
  StartWithKeys("tenant: team-a, models: [large]", "", config);
  const auto worker = JoinWorker({.api_key = worker_.key});

  EXPECT_EQ(AskForReason(client_.key, "large"), "MODEL_NOT_ALLOWED");
}

TEST_F(RouterAuth, TellsOnlyOperatorsOfTheFleet) {
  StartWithKeys();

  EXPECT_TRUE(ListWorkers(operator_.key).ok());
  EXPECT_EQ(Reason(ListWorkers("")), "API_KEY_MISSING");
  EXPECT_EQ(Reason(ListWorkers(client_.key)), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(Reason(ListWorkers(worker_.key)), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(Reason(Ask(operator_.key)), "ROLE_NOT_ALLOWED");
}

TEST_F(RouterAuth, LetsOnlyWorkersJoin) {
  StartWithKeys();

  EXPECT_FALSE(testing::FakeWorker({.id = "w1"}).Join(router_->local_address()));
  EXPECT_FALSE(
      testing::FakeWorker({.id = "w2", .api_key = client_.key}).Join(router_->local_address()));
  EXPECT_TRUE(
      testing::FakeWorker({.id = "w3", .api_key = worker_.key}).Join(router_->local_address()));
}

TEST_F(RouterAuth, LetsWorkersJoinOpenlyWhereItIsTold) {
  Config config = TestConfig();
  config.mutable_auth()->set_open_registration(true);
  StartWithKeys("tenant: team-a", "", config);

  EXPECT_TRUE(testing::FakeWorker({.id = "w1"}).Join(router_->local_address()));
  EXPECT_EQ(AskForReason(""), "API_KEY_MISSING");
}

TEST_F(RouterAuth, TellsEverybodyOfItsHealth) {
  StartWithKeys();
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckResponse response;

  const grpc::Status status = grpc::health::v1::Health::NewStub(channel_)->Check(
      &context, grpc::health::v1::HealthCheckRequest(), &response);

  EXPECT_TRUE(status.ok());
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
}

TEST_F(RouterAuth, TakesAFileThatHasChanged) {
  StartWithKeys();
  const NewApiKey added = MakeApiKey();
  ASSERT_EQ(AskForReason(added.key), "API_KEY_UNKNOWN");

  WriteKeys("keys:\n" + Entry(added, "tenant: b"));

  EXPECT_TRUE(testing::WaitUntil([&] { return AskForReason(added.key) != "API_KEY_UNKNOWN"; }));
  EXPECT_EQ(AskForReason(client_.key), "API_KEY_UNKNOWN");
}

TEST_F(RouterAuth, KeepsItsKeysWhenTheFileBreaks) {
  StartWithKeys();

  WriteKeys("keys: [");

  EXPECT_TRUE(testing::WaitUntil(
      [&] { return Metric("chasqui_router_keys_reads_total{result=\"failed\"}") == 1; }));
  EXPECT_NE(AskForReason(client_.key), "API_KEY_UNKNOWN");
}

TEST_F(RouterAuth, AsksForNothingWhenItIsOff) {
  StartRouter();
  const auto worker = JoinWorker();

  const auto client = Stream("hello", {.metadata = Bearer("nonsense")});
  worker->NextCall()->Answer({"a"});

  EXPECT_TRUE(client->Wait().ok());
  EXPECT_TRUE(ListWorkers("").ok());
}

}  // namespace
}  // namespace chasqui::router
