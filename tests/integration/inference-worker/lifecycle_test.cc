// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "common/time/clock.h"
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

  using WorkerFixture::Generate;
  absl::Status Generate(const inference::v1::GenerateRequest& request,
                        std::chrono::milliseconds at_most) {
    grpc::ClientContext context;
    context.set_deadline(time::RealClock().SystemNow() + at_most);
    inference::v1::GenerateResponse ignored;
    return rpc::FromGrpc(inference_->Generate(&context, request, &ignored));
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

  // "tiny" runs a request that does not end, and is the only model that may be in memory.
  std::unique_ptr<testing::ClientStream> StartBusy(Config config) {
    config.mutable_lifecycle()->set_max_loaded(1);
    StartWorker(config);
    return MakeBusy();
  }
  // A request for "tiny" that nobody reads the answer of. What gRPC keeps for a slow reader can
  // hold a whole context of events: this goes on beyond it.
  std::unique_ptr<testing::ClientStream> MakeBusy() {
    auto request = Endless();
    request.set_model("tiny");
    request.mutable_context_policy()->set_overflow(inference::v1::ContextPolicy::OVERFLOW_SHIFT);
    auto stream = Stream(request, {.paused = true});
    EXPECT_TRUE(testing::WaitUntil([&] {
      const auto load = WorkerStatus().load();
      return load.models_size() == 1 && load.models(0).active() == 1;
    }));
    return stream;
  }
  static void End(testing::ClientStream& stream) {
    stream.Cancel();
    stream.Resume();
    stream.Wait();
  }
};

TEST_F(WorkerLifecycle, TellsARouterThatAsksWhichRequestsAreItsOwn) {
  StartWorker();
  auto request = Endless();
  request.mutable_context_policy()->set_overflow(inference::v1::ContextPolicy::OVERFLOW_SHIFT);
  const auto stream =
      Stream(request, {.metadata = {{"x-chasqui-router-id", "r1"}}, .paused = true});
  const auto own = [&](const std::string& router_id) {
    grpc::ClientContext context;
    context.AddMetadata("x-chasqui-router-id", router_id);
    v1::GetStatusResponse status;
    EXPECT_TRUE(worker_->GetStatus(&context, {}, &status).ok());
    EXPECT_NE(status.incarnation(), 0u);
    return status.load().models(0).active_from_you();
  };

  EXPECT_TRUE(testing::WaitUntil([&] { return own("r1") == 1; }));
  EXPECT_EQ(own("r2"), 0u);
  End(*stream);
}

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

TEST_F(WorkerLifecycle, LetsARequestGoAtItsDeadlineWhileItWaitsForItsModel) {
  const auto stream = StartBusy(LazyConfig());

  const absl::Status status = Generate(ChatWith("other"), 300ms);

  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(StateOf("tiny"), inference::v1::MODEL_STATE_READY);
  EXPECT_EQ(StateOf("other"), inference::v1::MODEL_STATE_UNLOADED);
  End(*stream);
}

TEST_F(WorkerLifecycle, ForgetsARequestThatLeavesWhileItWaitsForItsModel) {
  Config config = LazyConfig();
  config.mutable_lifecycle()->set_max_waiting_requests(1);
  const auto stream = StartBusy(config);
  const auto waiting = Stream(ChatWith("other"));
  // The place is taken.
  ASSERT_TRUE(testing::WaitUntil([&] {
    return status::ErrorReason(Generate(ChatWith("other"), 200ms)) == "LOAD_QUEUE_FULL";
  }));

  waiting->Cancel();
  EXPECT_EQ(waiting->Wait().error_code(), grpc::StatusCode::CANCELLED);

  // And is free again.
  EXPECT_TRUE(testing::WaitUntil([&] {
    return Generate(ChatWith("other"), 200ms).code() == absl::StatusCode::kDeadlineExceeded;
  }));
  End(*stream);
}

TEST_F(WorkerLifecycle, RefusesARequestWhoseModelDoesNotComeInTime) {
  Config config = LazyConfig();
  *config.mutable_lifecycle()->mutable_max_load_wait() = service::ToProto(1s);
  const auto stream = StartBusy(config);

  const absl::Status status = Generate(ChatWith("other"));

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status::ErrorReason(status), "LOAD_TIMEOUT");
  EXPECT_TRUE(status::RetryDelay(status).has_value());
  End(*stream);
}

TEST_F(WorkerLifecycle, LoadsWhatWaitedWhenTheBusyModelIsDone) {
  const auto stream = StartBusy(LazyConfig());
  const auto waiting = Stream(ChatWith("other"));

  EXPECT_EQ(StateOf("tiny"), inference::v1::MODEL_STATE_READY);
  End(*stream);

  EXPECT_TRUE(waiting->Wait().ok());
  EXPECT_EQ(StateOf("other"), inference::v1::MODEL_STATE_READY);
  EXPECT_EQ(StateOf("tiny"), inference::v1::MODEL_STATE_UNLOADED);
}

TEST_F(WorkerLifecycle, KeepsABusyModelWhileOthersComeAndGo) {
  Config config = LazyConfig();
  auto& third = *config.add_models();
  third.set_name("third");
  third.set_path(TinyModelPath());
  third.set_preload(false);
  config.mutable_lifecycle()->set_max_loaded(2);
  StartWorker(config);
  const auto stream = MakeBusy();

  for (int round = 0; round < 2; ++round) {
    for (const char* name : {"other", "third"}) {
      EXPECT_TRUE(Generate(ChatWith(name)).ok()) << name;
      EXPECT_EQ(StateOf("tiny"), inference::v1::MODEL_STATE_READY) << name;
    }
  }

  EXPECT_EQ(StateOf("other"), inference::v1::MODEL_STATE_UNLOADED);
  EXPECT_EQ(StateOf("third"), inference::v1::MODEL_STATE_READY);
  End(*stream);
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
