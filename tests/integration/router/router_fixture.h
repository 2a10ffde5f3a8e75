// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "chasqui/fleet/v1/fleet_service.grpc.pb.h"
#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "common/observability/metrics.h"
#include "common/rpc/grpc_status.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "common/time/clock.h"
#include "services/router/router_config.h"
#include "services/router/router_server.h"
#include "tests/support/client_stream.h"
#include "tests/support/fake_worker.h"
#include "tests/support/wait_until.h"

namespace chasqui::router {

// A router in this process on a free port, and clients of it. Useful for tests of the whole router
// with fake workers.
class RouterFixture : public ::testing::Test {
 protected:
  using Config = config::v1::RouterConfig;

  static Config TestConfig() {
    Config config = DefaultConfig();
    config.mutable_server()->set_listen_address("127.0.0.1:0");
    *config.mutable_server()->mutable_drain_grace() = service::ToProto(std::chrono::seconds(20));
    config.set_router_id("the-router");
    // Long, so that nobody is dropped because the machine is slow; tests of silence set their own.
    *config.mutable_membership()->mutable_report_interval() =
        service::ToProto(std::chrono::seconds(20));
    // Or requests would be spread by who joined first; tests of warming up set their own.
    *config.mutable_balancing()->mutable_slow_start() = service::ToProto(std::chrono::seconds(0));
    return config;
  }

  void StartRouter(const Config& config, std::unique_ptr<NameResolver> resolver = nullptr) {
    StartRouter(config, time::RealClock(), std::move(resolver));
  }
  // `clock` outlives the router; timers of the loops do not go by it.
  void StartRouter(const Config& config, const time::Clock& clock,
                   std::unique_ptr<NameResolver> resolver = nullptr) {
    ASSERT_TRUE(Validate(config).empty());
    router_.reset();
    metrics_ = std::make_unique<observability::Metrics>("router");
    router_ = std::make_unique<RouterServer>(config, *metrics_, observability::Logger(), clock,
                                             std::move(resolver));
    ASSERT_TRUE(router_->Start().ok());
    channel_ = grpc::CreateChannel(router_->local_address(), grpc::InsecureChannelCredentials());
    inference_ = inference::v1::InferenceService::NewStub(channel_);
    fleet_ = fleet::v1::FleetService::NewStub(channel_);
  }
  void StartRouter() { StartRouter(TestConfig()); }

  std::unique_ptr<testing::FakeWorker> JoinWorker(testing::FakeWorkerOptions options = {}) {
    auto worker = std::make_unique<testing::FakeWorker>(std::move(options));
    EXPECT_TRUE(worker->Join(router_->local_address()));
    return worker;
  }

  std::unique_ptr<testing::ClientStream> Stream(const std::string& prompt = "hello",
                                                testing::ClientStream::Options options = {}) {
    return std::make_unique<testing::ClientStream>(channel_, testing::Prompt(prompt), options);
  }

  grpc::Status Generate(const inference::v1::GenerateRequest& request,
                        inference::v1::GenerateResponse* response = nullptr) {
    grpc::ClientContext context;
    inference::v1::GenerateResponse ignored;
    return inference_->Generate(&context, request, response != nullptr ? response : &ignored);
  }

  // The value of a series, such as `chasqui_router_queue_requests{model="tiny"}`; -1 when there is
  // none.
  double Metric(const std::string& series) const {
    const std::string text = metrics_->Text();
    const std::size_t at = text.find(absl::StrCat("\n", series, " "));
    return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
  }
  bool WaitForQueued(int count) const {
    return testing::WaitUntil(
        [&] { return Metric("chasqui_router_queue_requests{model=\"tiny\"}") == count; });
  }
  // Waits until the router counts so many ready workers.
  bool WaitForReady(int count) const {
    return testing::WaitUntil(
        [&] { return Metric("chasqui_router_workers{state=\"ready\"}") == count; });
  }

  static std::string Reason(const grpc::Status& status) {
    return status::ErrorReason(rpc::FromGrpc(status));
  }
  static std::chrono::milliseconds RetryDelay(const grpc::Status& status) {
    return status::RetryDelay(rpc::FromGrpc(status)).value_or(std::chrono::milliseconds(-1));
  }

  std::unique_ptr<observability::Metrics> metrics_;
  std::unique_ptr<RouterServer> router_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<inference::v1::InferenceService::Stub> inference_;
  std::unique_ptr<fleet::v1::FleetService::Stub> fleet_;
};

}  // namespace chasqui::router
