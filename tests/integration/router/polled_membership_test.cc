// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/router/router_fixture.h"
#include "tests/support/fake_resolver.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using testing::FakeWorker;
using testing::WaitUntil;

// Workers that do not join, and are asked what they do.
class RouterPolledMembership : public RouterFixture {
 protected:
  static Config PollingConfig() {
    Config config = TestConfig();
    *config.mutable_membership()->mutable_report_interval() = service::ToProto(300ms);
    *config.mutable_membership()->mutable_dns_interval() = service::ToProto(100ms);
    return config;
  }
  void PollOnly(const FakeWorker& worker) {
    Config config = PollingConfig();
    config.mutable_membership()->add_static_workers(worker.address());
    StartRouter(config);
  }

  std::vector<fleet::v1::Worker> List() {
    grpc::ClientContext context;
    fleet::v1::ListWorkersResponse response;
    EXPECT_TRUE(fleet_->ListWorkers(&context, {}, &response).ok());
    return {response.workers().begin(), response.workers().end()};
  }
  bool WaitForMembers(std::size_t count) {
    return WaitUntil([&] { return List().size() == count; });
  }
  grpc::Status Drain(bool undo) {
    grpc::ClientContext context;
    fleet::v1::DrainWorkerRequest request;
    request.set_worker_id("w1");
    request.set_undo(undo);
    fleet::v1::DrainWorkerResponse response;
    return fleet_->DrainWorker(&context, request, &response);
  }
};

TEST_F(RouterPolledMembership, MakesAMemberOfAWorkerThatDoesNotJoin) {
  FakeWorker worker({.id = "w1", .incarnation = 7, .slots = 3});
  PollOnly(worker);
  ASSERT_TRUE(WaitForReady(1));

  const auto list = List();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].worker_id(), "w1");
  EXPECT_EQ(list[0].incarnation(), 7u);
  EXPECT_EQ(list[0].address(), worker.address());
  EXPECT_EQ(list[0].models(0).name(), "tiny");
  const auto client = Stream();
  worker.NextCall()->Answer({"ok"});
  EXPECT_TRUE(client->Wait().ok());
}

// The router's own requests are not counted twice, and those of others are.
TEST_F(RouterPolledMembership, KnowsTheLoadOfOthers) {
  FakeWorker worker({.id = "w1", .slots = 2});
  PollOnly(worker);
  ASSERT_TRUE(WaitForReady(1));
  const auto first = Stream();
  const auto running = worker.NextCall();
  ASSERT_TRUE(WaitUntil([&] { return List().at(0).load().models(0).active_from_you() == 1; }));

  const auto second = Stream();
  EXPECT_NE(worker.NextCall(), nullptr) << "one of two slots is free";

  worker.SetOthers(5);
  ASSERT_TRUE(WaitUntil([&] { return List().at(0).load().models(0).active() == 7; }));
  const auto third = Stream();
  EXPECT_TRUE(WaitForQueued(1));
}

TEST_F(RouterPolledMembership, DropsOneThatDoesNotAnswer) {
  auto worker = std::make_unique<FakeWorker>();
  PollOnly(*worker);
  ASSERT_TRUE(WaitForReady(1));

  worker->Die();

  EXPECT_TRUE(WaitForMembers(0));
  EXPECT_EQ(Stream()->Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(RouterPolledMembership, KnowsANewLife) {
  FakeWorker worker({.id = "w1", .incarnation = 1});
  PollOnly(worker);
  ASSERT_TRUE(WaitForReady(1));

  worker.SetIncarnation(2);

  EXPECT_TRUE(WaitUntil([&] { return List().size() == 1 && List()[0].incarnation() == 2; }));
}

TEST_F(RouterPolledMembership, LeavesWhoHasJoinedAlone) {
  FakeWorker worker({.id = "w1"});
  PollOnly(worker);
  ASSERT_TRUE(WaitForReady(1));

  ASSERT_TRUE(worker.Join(router_->local_address()));
  const std::uint32_t before = worker.asked();
  ASSERT_TRUE(WaitUntil([&] { return worker.asked() >= before + 3; })) << "it is asked on";

  EXPECT_EQ(List().size(), 1u);
  worker.SetState(fleet::v1::WORKER_STATE_DRAINING);  // by the Join stream, at once
  EXPECT_TRUE(WaitForReady(0));
  worker.SetState(fleet::v1::WORKER_STATE_READY);
  EXPECT_TRUE(worker.Leave().ok()) << "nobody replaced its membership";
  EXPECT_TRUE(WaitForReady(1)) << "as one that is asked again";
}

TEST_F(RouterPolledMembership, DrainsByACall) {
  FakeWorker worker({.id = "w1"});
  PollOnly(worker);
  ASSERT_TRUE(WaitForReady(1));

  EXPECT_TRUE(Drain(/*undo=*/false).ok());
  EXPECT_TRUE(WaitUntil([&] {
    return List().at(0).load().state() == fleet::v1::WORKER_STATE_DRAINING;
  })) << "the worker was told";
  EXPECT_EQ(Stream()->Wait().error_code(), grpc::StatusCode::UNAVAILABLE);

  EXPECT_TRUE(Drain(/*undo=*/true).ok());
  EXPECT_TRUE(WaitForReady(1));
}

TEST_F(RouterPolledMembership, FollowsTheAddressesOfAName) {
  FakeWorker w1({.id = "w1"});
  FakeWorker w2({.id = "w2"});
  auto names = std::make_shared<testing::FakeNames>();
  Config config = PollingConfig();
  config.mutable_membership()->add_dns("dns:///workers:50052");
  StartRouter(config, std::make_unique<testing::FakeResolver>(names));

  names->Set("workers", std::vector<std::string>{w1.address(), w2.address()});
  EXPECT_TRUE(WaitForMembers(2));
  names->Set("workers", std::vector<std::string>{w2.address()});
  EXPECT_TRUE(WaitForMembers(1));

  EXPECT_EQ(List().at(0).worker_id(), "w2");
  const auto client = Stream();
  w2.NextCall()->Answer({"ok"});
  EXPECT_TRUE(client->Wait().ok());
}

// One that answers at two addresses is one member.
TEST_F(RouterPolledMembership, ResolvesNamesOfTheSystem) {
  FakeWorker worker({.id = "w1"});
  const std::string port = worker.address().substr(worker.address().rfind(':') + 1);
  Config config = PollingConfig();
  config.mutable_membership()->add_dns("dns:///localhost:" + port);
  config.mutable_membership()->add_static_workers("localhost:" + port);
  StartRouter(config);

  ASSERT_TRUE(WaitForReady(1));

  EXPECT_EQ(List().size(), 1u);
  const auto client = Stream();
  worker.NextCall()->Answer({"ok"});
  EXPECT_TRUE(client->Wait().ok());
}

}  // namespace
}  // namespace chasqui::router
