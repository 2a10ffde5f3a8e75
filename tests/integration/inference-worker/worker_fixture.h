// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "chasqui/worker/v1/worker_service.grpc.pb.h"
#include "common/observability/metrics.h"
#include "common/rpc/grpc_status.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "services/inference-worker/inference_worker_config.h"
#include "services/inference-worker/inference_worker_server.h"
#include "tests/support/client_stream.h"
#include "tests/support/inference-worker/tiny_model.h"
#include "tests/support/wait_until.h"

namespace chasqui::worker {

inline constexpr std::string_view kRouterAnswer =
    "A router is a program that decides which worker should handle each request.";

// A worker in this process on a free port, with the model that ships as "tiny", and clients of it.
class WorkerFixture : public ::testing::Test {
 protected:
  using Config = config::v1::InferenceWorkerConfig;

  static Config TestConfig() {
    Config config = DefaultConfig();
    config.mutable_server()->set_listen_address("127.0.0.1:0");
    *config.mutable_server()->mutable_drain_grace() = service::ToProto(std::chrono::seconds(20));
    config.set_worker_id("the-worker");
    config.mutable_engine()->set_slots(2);
    config.mutable_engine()->set_threads(1);
    config.mutable_engine()->set_warm_up(false);
    auto& model = *config.add_models();
    model.set_name("tiny");
    model.set_path(TinyModelPath());
    model.add_aliases("small");
    return config;
  }

  absl::Status TryStart(const Config& config) {
    EXPECT_TRUE(Validate(config).empty());
    server_.reset();
    metrics_ = std::make_unique<observability::Metrics>("inference-worker");
    server_ = std::make_unique<InferenceWorkerServer>(config, log_, *metrics_, devices_);
    return server_->Start();
  }

  void StartWorker(const Config& config) {
    ASSERT_TRUE(TryStart(config).ok());
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    inference_ = inference::v1::InferenceService::NewStub(channel_);
    worker_ = worker::v1::WorkerService::NewStub(channel_);
  }
  void StartWorker() { StartWorker(TestConfig()); }

  static inference::v1::GenerateRequest Chat(const std::string& question) {
    inference::v1::GenerateRequest request;
    auto& message = *request.mutable_chat()->add_messages();
    message.set_role(inference::v1::ROLE_USER);
    message.add_parts()->set_text(question);
    request.mutable_sampling()->set_temperature(0);
    request.mutable_stop()->set_max_tokens(64);
    return request;
  }

  // Runs for as long as the context lasts.
  static inference::v1::GenerateRequest Endless() {
    inference::v1::GenerateRequest request;
    request.set_prompt("Once upon a time");
    request.mutable_sampling()->set_temperature(0);
    request.mutable_stop()->set_ignore_eos(true);
    return request;
  }

  std::unique_ptr<testing::ClientStream> Stream(const inference::v1::GenerateRequest& request,
                                                testing::ClientStream::Options options = {}) {
    return std::make_unique<testing::ClientStream>(channel_, request, options);
  }

  absl::Status Generate(const inference::v1::GenerateRequest& request,
                        inference::v1::GenerateResponse& response) {
    grpc::ClientContext context;
    return rpc::FromGrpc(inference_->Generate(&context, request, &response));
  }
  absl::Status Generate(const inference::v1::GenerateRequest& request) {
    inference::v1::GenerateResponse ignored;
    return Generate(request, ignored);
  }

  worker::v1::GetStatusResponse WorkerStatus() {
    grpc::ClientContext context;
    worker::v1::GetStatusResponse response;
    EXPECT_TRUE(worker_->GetStatus(&context, {}, &response).ok());
    return response;
  }

  std::uint32_t Active() { return WorkerStatus().load().models(0).active(); }

  observability::Logger log_;
  std::optional<DeviceTelemetry::Sources> devices_;  // unset: this machine's
  std::unique_ptr<observability::Metrics> metrics_;
  std::unique_ptr<InferenceWorkerServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<inference::v1::InferenceService::Stub> inference_;
  std::unique_ptr<worker::v1::WorkerService::Stub> worker_;
};

}  // namespace chasqui::worker
