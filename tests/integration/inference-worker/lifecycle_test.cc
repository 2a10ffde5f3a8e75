// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/inference-worker/worker_fixture.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class WorkerLifecycle : public WorkerFixture {
 protected:
  // "tiny" and "other", the same file, neither loaded at the start.
  static Config LazyConfig() {
    Config config = TestConfig();
    config.mutable_models(0)->set_preload(false);
    auto& other = *config.add_models();
    other.set_name("other");
    other.set_path(TinyModelPath());
    other.set_preload(false);
    return config;
  }

  static inference::v1::GenerateRequest ChatWith(const std::string& model) {
    auto request = Chat("What is a router?");
    request.set_model(model);
    return request;
  }

  inference::v1::Model GetModel(const std::string& name) {
    grpc::ClientContext context;
    inference::v1::GetModelRequest request;
    request.set_name(name);
    inference::v1::GetModelResponse response;
    EXPECT_TRUE(inference_->GetModel(&context, request, &response).ok());
    return response.model();
  }

  inference::v1::ModelState StateOf(const std::string& name) { return GetModel(name).state(); }
};

TEST_F(WorkerLifecycle, TellsModelsThatAreNotLoadedWithAnEstimate) {
  StartWorker(LazyConfig());

  const auto model = GetModel("small");

  EXPECT_EQ(model.name(), "tiny");
  EXPECT_EQ(model.state(), inference::v1::MODEL_STATE_UNLOADED);
  EXPECT_GT(model.memory_bytes(), fs::file_size(TinyModelPath()) / 2);
  EXPECT_EQ(WorkerStatus().models_size(), 2);
  EXPECT_EQ(WorkerStatus().load().state(), fleet::v1::WORKER_STATE_READY);
}

TEST_F(WorkerLifecycle, LoadsAModelWhenARequestAsksForIt) {
  StartWorker(LazyConfig());

  EXPECT_TRUE(Generate(ChatWith("small")).ok());

  EXPECT_EQ(StateOf("tiny"), inference::v1::MODEL_STATE_READY);
  EXPECT_EQ(StateOf("other"), inference::v1::MODEL_STATE_UNLOADED);
}

TEST_F(WorkerLifecycle, RefusesWhenLoadingOnDemandIsOff) {
  Config config = LazyConfig();
  config.mutable_lifecycle()->set_load_on_demand(false);
  StartWorker(config);

  const auto status = Generate(ChatWith("tiny"));

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status::ErrorReason(status), "MODEL_NOT_LOADED");
}

TEST_F(WorkerLifecycle, RefusesThoseBeyondTheMostThatWait) {
  Config config = LazyConfig();
  config.mutable_lifecycle()->set_max_waiting_requests(0);
  StartWorker(config);

  const auto status = Generate(ChatWith("tiny"));

  EXPECT_EQ(status::ErrorReason(status), "LOAD_QUEUE_FULL");
  EXPECT_TRUE(status::RetryDelay(status).has_value());
}

TEST_F(WorkerLifecycle, UnloadsTheLeastRecentlyUsedForAnother) {
  Config config = LazyConfig();
  config.mutable_lifecycle()->set_max_loaded(1);
  StartWorker(config);
  ASSERT_TRUE(Generate(ChatWith("tiny")).ok());

  EXPECT_TRUE(Generate(ChatWith("other")).ok());

  EXPECT_EQ(StateOf("tiny"), inference::v1::MODEL_STATE_UNLOADED);
  EXPECT_EQ(StateOf("other"), inference::v1::MODEL_STATE_READY);
}

TEST_F(WorkerLifecycle, UnloadsWhatNobodyUses) {
  Config config = LazyConfig();
  *config.mutable_lifecycle()->mutable_idle_unload() = service::ToProto(10ms);
  StartWorker(config);
  ASSERT_TRUE(Generate(ChatWith("tiny")).ok());

  EXPECT_TRUE(
      testing::WaitUntil([&] { return StateOf("tiny") == inference::v1::MODEL_STATE_UNLOADED; }));
}

TEST_F(WorkerLifecycle, EstimatesWithoutLoading) {
  StartWorker(LazyConfig());
  grpc::ClientContext context;
  v1::EstimateModelRequest request;
  request.set_name("tiny");
  v1::EstimateModelResponse response;

  ASSERT_TRUE(worker_->EstimateModel(&context, request, &response).ok());

  ASSERT_EQ(response.variants_size(), 1);
  EXPECT_TRUE(response.variants(0).fits());
  EXPECT_GT(response.variants(0).weights_bytes(), 0);
  EXPECT_EQ(response.chosen_path(), TinyModelPath());
  EXPECT_EQ(StateOf("tiny"), inference::v1::MODEL_STATE_UNLOADED);
}

}  // namespace
}  // namespace chasqui::worker
