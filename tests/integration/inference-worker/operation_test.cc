// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "chasqui/fleet/v1/load.pb.h"
#include "common/concurrency/named_thread.h"
#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/integration/inference-worker/worker_fixture.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class WorkerOperation : public WorkerFixture {
 protected:
  // ctest runs tests beside each other, each in a process.
  WorkerOperation()
      : folder_(fs::path(::testing::TempDir()) / absl::StrCat("worker_operation_test-", getpid())) {
    fs::create_directories(folder_);
  }
  ~WorkerOperation() override { fs::remove_all(folder_); }

  Config EmptyConfig() const {
    Config config = TestConfig();
    config.clear_models();
    config.add_model_folders(folder_);
    return config;
  }

  std::string Copy(std::uintmax_t size) const {
    const fs::path path = folder_ / "copy.gguf";
    fs::copy_file(TinyModelPath(), path, fs::copy_options::overwrite_existing);
    fs::resize_file(path, size);
    return path;
  }

  absl::Status LoadModel(const std::string& name, const std::string& path) {
    grpc::ClientContext context;
    v1::LoadModelRequest request;
    request.set_name(name);
    request.set_path(path);
    const auto reader = worker_->LoadModel(&context, request);
    v1::LoadModelResponse response;
    while (reader->Read(&response)) loaded_ = response;
    return rpc::FromGrpc(reader->Finish());
  }

  std::vector<std::string> Ready() {
    std::vector<std::string> names;
    for (const auto& model : WorkerStatus().models()) {
      if (model.state() == inference::v1::MODEL_STATE_READY) names.push_back(model.name());
    }
    return names;
  }

  grpc::health::v1::HealthCheckResponse::ServingStatus Health(const std::string& name) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(name);
    grpc::health::v1::HealthCheckResponse response;
    const auto stub = grpc::health::v1::Health::NewStub(channel_);
    stub->Check(&context, request, &response);
    return response.status();
  }

  const fs::path folder_;
  v1::LoadModelResponse loaded_;  // the last event of LoadModel
};

TEST_F(WorkerOperation, LoadsAndUnloadsModels) {
  StartWorker(EmptyConfig());
  EXPECT_EQ(Generate(Chat("x")).code(), absl::StatusCode::kNotFound);

  ASSERT_TRUE(LoadModel("tiny", Copy(fs::file_size(TinyModelPath()))).ok());
  EXPECT_EQ(loaded_.loaded().name(), "tiny");
  EXPECT_TRUE(Generate(Chat("x")).ok());
  EXPECT_TRUE(testing::WaitUntil(
      [&] { return Health("model:tiny") == grpc::health::v1::HealthCheckResponse::SERVING; }));

  grpc::ClientContext context;
  v1::UnloadModelRequest unload;
  unload.set_name("tiny");
  v1::UnloadModelResponse unloaded;
  EXPECT_TRUE(worker_->UnloadModel(&context, unload, &unloaded).ok());
  EXPECT_EQ(Generate(Chat("x")).code(), absl::StatusCode::kNotFound);
}

TEST_F(WorkerOperation, UnloadsAnIdleModelForAnotherBeyondTheMost) {
  Config config = EmptyConfig();
  config.mutable_lifecycle()->set_max_loaded(1);
  StartWorker(config);
  const std::string path = Copy(fs::file_size(TinyModelPath()));
  ASSERT_TRUE(LoadModel("first", path).ok());

  EXPECT_TRUE(LoadModel("second", path).ok());

  EXPECT_EQ(Ready(), std::vector<std::string>{"second"});
  EXPECT_TRUE(LoadModel("second", path).ok());
  EXPECT_EQ(Ready(), std::vector<std::string>{"second"});
}

TEST_F(WorkerOperation, RefusesAModelBeyondTheMostWhileAllAreBusy) {
  Config config = EmptyConfig();
  config.mutable_lifecycle()->set_max_loaded(1);
  StartWorker(config);
  const std::string path = Copy(fs::file_size(TinyModelPath()));
  ASSERT_TRUE(LoadModel("first", path).ok());
  const auto stream = Stream(Endless(), {.paused = true});
  ASSERT_TRUE(testing::WaitUntil([&] { return Active() == 1; }));

  const absl::Status refused = LoadModel("second", path);

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status::ErrorReason(refused), "MODELS_BUSY");
  EXPECT_EQ(Ready(), std::vector<std::string>{"first"});
  stream->Cancel();
  stream->Resume();
  stream->Wait();
  EXPECT_TRUE(testing::WaitUntil([&] { return LoadModel("second", path).ok(); }));
  EXPECT_EQ(Ready(), std::vector<std::string>{"second"});
}

// One thread loads: of several that are asked for at once, all but the first wait.
TEST_F(WorkerOperation, TellsWhenALoadHasToWait) {
  StartWorker(EmptyConfig());
  const std::string path = Copy(fs::file_size(TinyModelPath()));
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::LoadModelResponse>>> readers;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    v1::LoadModelRequest request;
    request.set_name(name);
    request.set_path(path);
    readers.push_back(worker_->LoadModel(
        contexts.emplace_back(std::make_unique<grpc::ClientContext>()).get(), request));
  }

  int waited = 0;
  for (const auto& reader : readers) {
    v1::LoadModelResponse response;
    for (bool first = true; reader->Read(&response); first = false) {
      if (response.progress().stage() != v1::LOAD_STAGE_WAITING) continue;
      EXPECT_TRUE(first);
      ++waited;
    }
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_TRUE(response.has_loaded());
  }

  EXPECT_GE(waited, 1);
  EXPECT_LT(waited, 6);
}

TEST_F(WorkerOperation, RefusesBadFilesAndLives) {
  StartWorker(EmptyConfig());
  const auto whole = fs::file_size(TinyModelPath());

  EXPECT_THAT(std::string(LoadModel("a", Copy(whole - 9)).message()), HasSubstr("truncated"));
  EXPECT_EQ(LoadModel("a", Copy(1000)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(LoadModel("a", "/etc/hostname").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(LoadModel("a", Copy(whole)).ok());
}

TEST_F(WorkerOperation, RefusesWhatDoesNotFitTheMemory) {
  Config config = EmptyConfig();
  config.set_memory_margin_bytes(std::uint64_t{1} << 60);
  StartWorker(config);

  const auto status = LoadModel("a", Copy(fs::file_size(TinyModelPath())));

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status::ErrorReason(status), "OUT_OF_MEMORY");
}

TEST_F(WorkerOperation, FailsToStartWithAModelThatIsNotThere) {
  Config config = TestConfig();
  config.mutable_models(0)->set_path(folder_ / "none.gguf");

  EXPECT_EQ(TryStart(config).code(), absl::StatusCode::kNotFound);
}

TEST_F(WorkerOperation, FailsToStartWithDevicesThatAreNotThere) {
  Config config = TestConfig();
  config.mutable_models(0)->mutable_engine()->add_devices("Abacus0");

  const absl::Status started = TryStart(config);

  EXPECT_EQ(started.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(started.message()), HasSubstr("models[0].engine.devices[0]"));
}

TEST_F(WorkerOperation, DrainsAndTakesRequestsAgain) {
  StartWorker();
  grpc::ClientContext context;
  v1::DrainRequest drain;
  v1::DrainResponse drained;
  ASSERT_TRUE(worker_->Drain(&context, drain, &drained).ok());
  EXPECT_EQ(Generate(Chat("x")).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(WorkerStatus().load().state(), fleet::v1::WORKER_STATE_DRAINING);

  grpc::ClientContext again;
  drain.set_undo(true);
  ASSERT_TRUE(worker_->Drain(&again, drain, &drained).ok());

  EXPECT_TRUE(Generate(Chat("x")).ok());
}

TEST_F(WorkerOperation, FinishesWhatRunsBeforeItEnds) {
  StartWorker();
  auto request = Endless();
  request.mutable_stop()->set_max_tokens(300);
  const auto stream = Stream(request);
  ASSERT_TRUE(stream->WaitForEvents(3));

  EXPECT_TRUE(server_->Drain());

  EXPECT_TRUE(stream->Wait().ok());
  EXPECT_TRUE(stream->events().back().has_finished());
}

TEST_F(WorkerOperation, EndsWhatRunsAfterTheGrace) {
  Config config = TestConfig();
  *config.mutable_server()->mutable_drain_grace() = service::ToProto(std::chrono::milliseconds(50));
  StartWorker(config);
  const auto stream = Stream(Endless(), {.paused = true});
  ASSERT_TRUE(testing::WaitUntil([&] { return Active() == 1; }));

  EXPECT_FALSE(server_->Drain());

  stream->Resume();
  EXPECT_EQ(stream->Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(WorkerOperation, TellsWhoseRequestsRun) {
  StartWorker();
  const auto stream =
      Stream(Endless(), {.metadata = {{"x-chasqui-router-id", "router-1"}}, .paused = true});
  ASSERT_TRUE(testing::WaitUntil([&] { return Active() == 1; }));

  const auto load = WorkerStatus().load().models(0);

  EXPECT_EQ(load.slots(), 2);
  EXPECT_EQ(load.active_from_you(), 0);
  stream->Cancel();
  stream->Resume();
  stream->Wait();
}

}  // namespace
}  // namespace chasqui::worker
