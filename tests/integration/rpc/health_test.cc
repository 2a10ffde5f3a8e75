// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "grpc/health/v1/health.pb.h"
#include "tests/integration/rpc/rpc_fixture.h"

namespace chasqui::rpc {
namespace {

using namespace std::chrono_literals;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::health::v1::HealthListRequest;
using grpc::health::v1::HealthListResponse;
using ::testing::ElementsAre;

HealthCheckRequest Named(std::string name) {
  HealthCheckRequest request;
  request.set_service(std::move(name));
  return request;
}

class HealthTest : public RpcTest {
 protected:
  absl::StatusOr<HealthCheckResponse::ServingStatus> Check(const std::string& name) {
    const auto response = RunOn(loop(), [&] {
      return CallUnary<HealthCheckResponse>(loop(), channel(), "/grpc.health.v1.Health/Check",
                                            Named(name));
    });
    if (!response.ok()) return response.status();
    return response->status();
  }
};

TEST_F(HealthTest, KnowsTheServerItsServicesAndTheProbes) {
  RegisterEcho();
  Start();

  for (const char* name : {"", "liveness", "readiness", "test.Echo", "grpc.health.v1.Health"}) {
    EXPECT_EQ(*Check(name), HealthCheckResponse::SERVING) << name;
  }
}

TEST_F(HealthTest, AnUnknownNameIsNotFound) {
  Start();

  EXPECT_TRUE(absl::IsNotFound(Check("nobody").status()));
}

TEST_F(HealthTest, SaysWhatItWasTold) {
  server().health().SetServing("readiness", false);
  Start();
  EXPECT_EQ(*Check("readiness"), HealthCheckResponse::NOT_SERVING) << "set before the start";

  server().health().SetServing("model:tiny", true);
  EXPECT_EQ(*Check("model:tiny"), HealthCheckResponse::SERVING);
  server().health().Remove("model:tiny");
  EXPECT_TRUE(absl::IsNotFound(Check("model:tiny").status()));
}

TEST_F(HealthTest, ListsEveryName) {
  RegisterEcho();
  Start();
  server().health().SetServing("model:tiny", false);

  const auto list = RunOn(loop(), [&] {
    return CallUnary<HealthListResponse>(loop(), channel(), "/grpc.health.v1.Health/List",
                                         HealthListRequest());
  });

  ASSERT_EQ(list.status(), absl::OkStatus());
  EXPECT_EQ(list->statuses().at("model:tiny").status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(list->statuses().at("test.Echo").status(), HealthCheckResponse::SERVING);
}

TEST_F(HealthTest, AWatchTellsEveryChangeAndOnlyChanges) {
  Start();

  const auto seen = RunOn(loop(), [&]() -> Task<std::vector<int>> {
    ResponseStream<HealthCheckResponse> watch(loop(), channel(), "/grpc.health.v1.Health/Watch",
                                              Named("model:tiny"));
    std::vector<int> states;
    auto next = [&]() -> Task<void> {
      const auto response = co_await watch.Read();
      states.push_back(response.has_value() ? static_cast<int>(response->status()) : -1);
    };
    co_await next();
    server().health().SetServing("another", true);
    server().health().SetServing("model:tiny", true);
    co_await next();
    server().health().SetServing("model:tiny", true);
    server().health().SetServing("model:tiny", false);
    co_await next();
    server().health().Remove("model:tiny");
    co_await next();
    co_return states;
  });

  EXPECT_THAT(seen,
              ElementsAre(HealthCheckResponse::SERVICE_UNKNOWN, HealthCheckResponse::SERVING,
                          HealthCheckResponse::NOT_SERVING, HealthCheckResponse::SERVICE_UNKNOWN));
}

TEST_F(HealthTest, WatchersHearOfADrainBeforeItEndsThem) {
  Start();
  concurrency::NamedThread drainer;

  RunOn(loop(), [&]() -> Task<void> {
    ResponseStream<HealthCheckResponse> watch(loop(), channel(), "/grpc.health.v1.Health/Watch",
                                              Named("readiness"));
    EXPECT_EQ((co_await watch.Read())->status(), HealthCheckResponse::SERVING);
    drainer = concurrency::NamedThread("drainer", [&](std::stop_token) { server().Drain(10s); });
    EXPECT_EQ((co_await watch.Read())->status(), HealthCheckResponse::NOT_SERVING);
    EXPECT_FALSE((co_await watch.Read()).has_value());
    EXPECT_TRUE(absl::IsUnavailable(co_await watch.Finish()));
  });
  drainer.Join();

  server().health().SetServing("readiness", true);
  EXPECT_EQ(server().health().Get("readiness"), HealthRegistry::State::kNotServing) << "for good";
  EXPECT_EQ(server().health().Get("liveness"), HealthRegistry::State::kServing);
}

}  // namespace
}  // namespace chasqui::rpc
