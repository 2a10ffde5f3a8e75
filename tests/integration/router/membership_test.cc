// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chasqui/fleet/v1/registration_service.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using testing::FakeWorker;

class RouterMembership : public RouterFixture {
 protected:
  void SetUp() override { StartRouter(); }

  // How a Join stream ends that says `request` first.
  grpc::Status JoinWith(const fleet::v1::JoinRequest& request) {
    const auto stub = fleet::v1::RegistrationService::NewStub(channel_);
    grpc::ClientContext context;
    const auto stream = stub->Join(&context);
    stream->Write(request);
    fleet::v1::JoinResponse response;
    while (stream->Read(&response)) {
    }
    return stream->Finish();
  }

  fleet::v1::ListWorkersResponse List() {
    grpc::ClientContext context;
    fleet::v1::ListWorkersResponse response;
    EXPECT_TRUE(fleet_->ListWorkers(&context, {}, &response).ok());
    return response;
  }

  std::string Health(const std::string& name) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(name);
    grpc::health::v1::HealthCheckResponse response;
    const auto stub = grpc::health::v1::Health::NewStub(channel_);
    const grpc::Status status = stub->Check(&context, request, &response);
    if (!status.ok()) return status.error_message();
    return grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status());
  }
};

TEST_F(RouterMembership, ListsWhoHasJoined) {
  const auto worker = JoinWorker({.id = "w1", .incarnation = 77, .slots = 3});

  const auto list = List();

  ASSERT_EQ(list.workers_size(), 1);
  EXPECT_EQ(list.workers(0).worker_id(), "w1");
  EXPECT_EQ(list.workers(0).incarnation(), 77u);
  EXPECT_EQ(list.workers(0).address(), worker->address());
  EXPECT_EQ(list.workers(0).state(), fleet::v1::WORKER_STATE_READY);
  EXPECT_EQ(list.workers(0).models(0).name(), "tiny");
}

TEST_F(RouterMembership, ForgetsWhoLeaves) {
  const auto worker = JoinWorker();

  EXPECT_TRUE(worker->Leave().ok());

  EXPECT_TRUE(testing::WaitUntil([&] { return List().workers_size() == 0; }));
}

TEST_F(RouterMembership, DropsTheSilentAndTakesThemBack) {
  Config config = TestConfig();
  *config.mutable_membership()->mutable_report_interval() = service::ToProto(200ms);
  StartRouter(config);
  const auto worker = JoinWorker();

  worker->FallSilent();
  const grpc::Status status = worker->WaitUntilDropped();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Reason(status), "SILENT");
  EXPECT_EQ(List().workers_size(), 0);
  EXPECT_TRUE(worker->Join(router_->local_address()));
  EXPECT_EQ(List().workers_size(), 1);
}

TEST_F(RouterMembership, RefusesAWrongHello) {
  fleet::v1::JoinRequest request;
  *request.mutable_hello() = FakeWorker().Hello();
  request.mutable_hello()->set_address("0.0.0.0:1");
  request.mutable_hello()->set_worker_id("");

  const grpc::Status status = JoinWith(request);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status::FieldViolations(rpc::FromGrpc(status)).size(), 2u);
}

TEST_F(RouterMembership, RefusesAFirstMessageOtherThanHello) {
  fleet::v1::JoinRequest request;
  request.mutable_load()->set_state(fleet::v1::WORKER_STATE_READY);

  EXPECT_EQ(JoinWith(request).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(RouterMembership, ReplacesAFormerSelf) {
  const auto first = JoinWorker({.id = "w1", .incarnation = 1});
  const auto second = JoinWorker({.id = "w1", .incarnation = 2});

  EXPECT_EQ(Reason(first->WaitUntilDropped()), "REPLACED");

  const auto list = List();
  ASSERT_EQ(list.workers_size(), 1);
  EXPECT_EQ(list.workers(0).incarnation(), 2u);
  const auto client = Stream();
  EXPECT_NE(second->NextCall(), nullptr);
}

TEST_F(RouterMembership, LeavesOtherWeightsAlone) {
  const auto first = JoinWorker({.id = "w1", .slots = 9});
  const auto other =
      JoinWorker({.id = "w2", .fingerprint = "ffffffffffffffffffffffffffffffff", .slots = 9});

  const auto a = Stream();
  const auto b = Stream();

  EXPECT_NE(first->NextCall(), nullptr);
  EXPECT_NE(first->NextCall(), nullptr);
  EXPECT_EQ(other->active(), 0u);
}

TEST_F(RouterMembership, DrainsAWorkerAndUndoesIt) {
  const auto w1 = JoinWorker({.id = "w1", .slots = 9});
  const auto w2 = JoinWorker({.id = "w2", .slots = 1});
  grpc::Status status;
  fleet::v1::DrainWorkerResponse response;
  auto drain = [&](bool undo) {
    return concurrency::NamedThread("operator", [&, undo](std::stop_token) {
      grpc::ClientContext context;
      fleet::v1::DrainWorkerRequest request;
      request.set_worker_id("w1");
      request.set_undo(undo);
      status = fleet_->DrainWorker(&context, request, &response);
    });
  };

  auto thread = drain(false);
  auto command = w1->NextCommand();
  ASSERT_TRUE(command.has_value());
  EXPECT_TRUE(command->has_drain());
  w1->AnswerCommand(command->command_id(), 0, "");
  thread = {};
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.worker().state(), fleet::v1::WORKER_STATE_DRAINING);
  const auto client = Stream();
  EXPECT_NE(w2->NextCall(), nullptr) << "the drained one gets nothing though it has more slots";

  thread = drain(true);
  command = w1->NextCommand();
  ASSERT_TRUE(command.has_value());
  EXPECT_TRUE(command->has_resume());
  w1->AnswerCommand(command->command_id(), 0, "");
  thread = {};
  const auto another = Stream();
  EXPECT_NE(w1->NextCall(), nullptr);
}

TEST_F(RouterMembership, TellsWhenAWorkerWillNotDrain) {
  const auto worker = JoinWorker();
  grpc::Status status;
  concurrency::NamedThread thread("operator", [&](std::stop_token) {
    grpc::ClientContext context;
    fleet::v1::DrainWorkerRequest request;
    request.set_worker_id("w1");
    fleet::v1::DrainWorkerResponse response;
    status = fleet_->DrainWorker(&context, request, &response);
  });

  const auto command = worker->NextCommand();
  ASSERT_TRUE(command.has_value());
  worker->AnswerCommand(command->command_id(), grpc::StatusCode::FAILED_PRECONDITION, "busy");
  thread = {};

  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "busy");
}

TEST_F(RouterMembership, CannotDrainWhoIsNotThere) {
  grpc::ClientContext context;
  fleet::v1::DrainWorkerRequest request;
  request.set_worker_id("nobody");
  fleet::v1::DrainWorkerResponse response;

  EXPECT_EQ(fleet_->DrainWorker(&context, request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(RouterMembership, TellsWatchersOfChanges) {
  grpc::ClientContext context;
  fleet::v1::WatchFleetRequest request;
  *request.mutable_min_interval() = service::ToProto(50ms);
  const auto reader = fleet_->WatchFleet(&context, request);
  fleet::v1::WatchFleetResponse snapshot;
  ASSERT_TRUE(reader->Read(&snapshot));
  EXPECT_EQ(snapshot.router_id(), "the-router");
  EXPECT_EQ(snapshot.workers_size(), 0);

  const auto worker = JoinWorker({.id = "w1", .slots = 2});
  const auto client = Stream();
  ASSERT_NE(worker->NextCall(), nullptr);

  while (snapshot.workers_size() == 0 || snapshot.workers(0).in_flight() == 0) {
    ASSERT_TRUE(reader->Read(&snapshot));
  }
  EXPECT_EQ(snapshot.workers(0).worker_id(), "w1");
  ASSERT_EQ(snapshot.queues_size(), 1);
  EXPECT_EQ(snapshot.queues(0).running(), 1u);
  context.TryCancel();
}

TEST_F(RouterMembership, RefusesAnIntervalThatIsTooShort) {
  grpc::ClientContext context;
  fleet::v1::WatchFleetRequest request;
  *request.mutable_min_interval() = service::ToProto(1ms);
  fleet::v1::WatchFleetResponse snapshot;

  const auto reader = fleet_->WatchFleet(&context, request);

  EXPECT_FALSE(reader->Read(&snapshot));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(RouterMembership, HasAHealthNameForEachModel) {
  EXPECT_EQ(Health(""), "SERVING");
  EXPECT_EQ(Health("readiness"), "SERVING");
  auto worker = JoinWorker();
  EXPECT_TRUE(testing::WaitUntil([&] { return Health("model:tiny") == "SERVING"; }));

  worker->Die();

  EXPECT_TRUE(testing::WaitUntil([&] { return Health("model:tiny") == "NOT_SERVING"; }));
}

}  // namespace
}  // namespace chasqui::router
