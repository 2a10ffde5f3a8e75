// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "common/status/status.h"
#include "google/rpc/error_details.pb.h"
#include "services/router/dispatch/dispatcher.h"
#include "tests/unit/services/router/dispatch/dispatcher_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::absl_testing::IsOkAndHolds;
using ::absl_testing::StatusIs;
using ::testing::HasSubstr;

using DispatcherMembership = DispatcherTest;

fleet::v1::WorkerHello HelloWith(const std::string& id, const std::string& model) {
  fleet::v1::WorkerHello hello = Hello(id);
  *hello.mutable_models()->mutable_models(0) = ReadyModel(model);
  hello.mutable_models()->mutable_models(0)->add_aliases(model + "-latest");
  *hello.mutable_load() = Load({.model = model});
  return hello;
}

TEST_F(DispatcherMembership, ResolvesNamesAndAliases) {
  Join(HelloWith("w1", "tiny"));

  EXPECT_THAT(dispatcher_.Resolve("tiny"), IsOkAndHolds("tiny"));
  EXPECT_THAT(dispatcher_.Resolve("tiny-latest"), IsOkAndHolds("tiny"));
}

TEST_F(DispatcherMembership, TakesTheOnlyModelWhenNoneIsNamed) {
  Join(HelloWith("w1", "tiny"));

  EXPECT_THAT(dispatcher_.Resolve(""), IsOkAndHolds("tiny"));
}

TEST_F(DispatcherMembership, AsksForANameWhenThereAreSeveralModels) {
  Join(HelloWith("w1", "tiny"));
  Join(HelloWith("w2", "huge"));

  EXPECT_THAT(dispatcher_.Resolve(""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("huge, tiny")));
}

TEST_F(DispatcherMembership, TakesTheOnlyReadyModelWhenOthersAreMerelyKnown) {
  fleet::v1::WorkerHello hello = HelloWith("w1", "tiny");
  auto& unloaded = *hello.mutable_models()->add_models();
  unloaded.set_name("huge");
  unloaded.set_state(inference::v1::MODEL_STATE_UNLOADED);
  Join(hello);

  EXPECT_THAT(dispatcher_.Resolve(""), IsOkAndHolds("tiny"));
}

TEST_F(DispatcherMembership, ListsWhatIsKnownWhenAModelIsNot) {
  Join(HelloWith("w1", "tiny"));

  const absl::Status status = dispatcher_.Resolve("gpt-9").status();

  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound, HasSubstr("tiny")));
  google::rpc::ResourceInfo resource;
  ASSERT_TRUE(status::GetDetail(status, resource));
  EXPECT_EQ(resource.resource_type(), "model");
  EXPECT_EQ(resource.resource_name(), "gpt-9");
}

TEST_F(DispatcherMembership, IsUnavailableWhileNobodyHasJoined) {
  const absl::Status status = dispatcher_.Resolve("tiny").status();

  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(status::RetryDelay(status), 1s);
}

TEST_F(DispatcherMembership, RemembersModelsWhoseWorkersAreGoneForAWhile) {
  const SessionId w1 = Join(HelloWith("w1", "tiny"));
  Join(HelloWith("w2", "huge"));
  now_ = 1s;
  dispatcher_.Leave(w1, At(now_).steady);

  EXPECT_THAT(dispatcher_.Resolve("tiny"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(dispatcher_.Resolve("tiny-latest"), StatusIs(absl::StatusCode::kUnavailable));

  ASSERT_TRUE(dispatcher_.Report(2, Load({.model = "huge"}), At(now_ + 11min)).ok());
  dispatcher_.Expire(At(now_ + 11min).steady);
  EXPECT_THAT(dispatcher_.Resolve("tiny"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(dispatcher_.Resolve("huge"), IsOkAndHolds("huge"));
}

TEST_F(DispatcherMembership, FailsThoseWhoWaitWhenTheLastWorkerLeaves) {
  const SessionId w1 = Join("w1", 1);
  const auto running = Submit();
  const auto waiting = Submit();

  dispatcher_.Leave(w1, At(now_).steady);

  EXPECT_EQ(WhereTo(waiting), "UNAVAILABLE");
  EXPECT_EQ(WhereTo(running), "w1") << "it runs on";
  Release(*running);
}

TEST_F(DispatcherMembership, FailsThoseWhoWaitWhenTheLastWorkerFallsSilent) {
  Join("w1", 1);
  Submit();
  const auto waiting = Submit();
  now_ = 3001ms;

  dispatcher_.Expire(At(now_).steady);

  EXPECT_EQ(WhereTo(waiting), "UNAVAILABLE");
  EXPECT_EQ(dispatcher_.TakeDecided().size(), 1u);
}

TEST_F(DispatcherMembership, SendsNothingToADrainingWorker) {
  const SessionId w1 = Join("w1", 4);
  Join("w2", 4);
  ASSERT_TRUE(dispatcher_.SetDrain("w2", true, At(now_).steady).ok());
  EXPECT_EQ(WhereTo(Submit()), "w1");
  EXPECT_EQ(WhereTo(Submit()), "w1");

  fleet::v1::LoadReport leaving = Load({.slots = 4});
  leaving.set_state(fleet::v1::WORKER_STATE_DRAINING);
  ASSERT_TRUE(dispatcher_.Report(w1, leaving, At(now_)).ok());
  EXPECT_EQ(WhereTo(Submit()), "UNAVAILABLE");

  ASSERT_TRUE(dispatcher_.SetDrain("w2", false, At(now_).steady).ok());
  EXPECT_EQ(WhereTo(Submit()), "w2");
}

TEST_F(DispatcherMembership, SendsNothingToAWorkerWithOtherWeights) {
  Join("w1", 4);
  fleet::v1::WorkerHello other = Hello("w2");
  *other.mutable_models()->mutable_models(0) = ReadyModel("tiny", kFingerprintB);
  Join(other);

  for (int i = 0; i < 3; ++i) EXPECT_EQ(WhereTo(Submit()), "w1");
}

TEST_F(DispatcherMembership, KeepsTheCountOfAWorkerWhoseStreamBlinked) {
  fleet::v1::WorkerHello hello = Hello("w1", 5);
  *hello.mutable_load() = Load({.slots = 2, .active = 2, .active_from_you = 2});
  const SessionId first = Join(hello);
  const auto a = Submit();
  const auto b = Submit();
  dispatcher_.Leave(first, At(now_).steady);

  Join(hello);

  const auto waiting = Submit();
  EXPECT_EQ(WhereTo(waiting), "waits");
  Release(*a);
  EXPECT_EQ(WhereTo(waiting), "w1");
}

// A worker that would load "tiny" when asked.
fleet::v1::WorkerHello WithTinyUnloaded(std::string_view worker_id) {
  fleet::v1::WorkerHello hello = Hello(worker_id);
  *hello.mutable_models()->mutable_models(0) = UnloadedModel("tiny", 2);
  hello.mutable_load()->clear_models();
  return hello;
}

TEST_F(DispatcherMembership, HasAModelLoadedThatIsReadyNowhereByOneWorker) {
  Join(WithTinyUnloaded("w1"));
  Join(WithTinyUnloaded("w2"));
  const auto first = Submit();
  const auto second = Submit();
  const auto third = Submit();

  EXPECT_EQ(WhereTo(first), "w1");
  EXPECT_EQ(WhereTo(second), "w1");
  EXPECT_EQ(WhereTo(third), "waits");
  Release(*first);
  EXPECT_EQ(WhereTo(third), "w1");
}

TEST_F(DispatcherMembership, HasNothingLoadedWhileAModelIsReadySomewhere) {
  Join(WithTinyUnloaded("w1"));
  Join("w2", 1);

  EXPECT_EQ(WhereTo(Submit()), "w2");
  EXPECT_EQ(WhereTo(Submit()), "waits");
}

TEST_F(DispatcherMembership, HasAModelLoadedElsewhereWhenOneWorkerCannotBeReached) {
  Join(WithTinyUnloaded("w1"));
  Join(WithTinyUnloaded("w2"));
  const auto ticket = Submit();

  ComeBack(ticket, Ending::kUnreachable);

  EXPECT_EQ(WhereTo(ticket), "w2");
}

TEST_F(DispatcherMembership, HasNothingLoadedByAWorkerThatDrains) {
  Join(WithTinyUnloaded("w1"));
  ASSERT_TRUE(dispatcher_.SetDrain("w1", true, At(now_).steady).ok());

  EXPECT_EQ(WhereTo(Submit()), "UNAVAILABLE");
}

TEST_F(DispatcherMembership, ForgetsAModelThatIsTakenAway) {
  const SessionId w1 = Join("w1", 2);
  const auto running = Submit();
  fleet::v1::WorkerModels none;

  ASSERT_TRUE(dispatcher_.SetModels(w1, none, At(now_)).ok());

  EXPECT_EQ(WhereTo(Submit()), "UNAVAILABLE");
  Release(*running);
}

}  // namespace
}  // namespace chasqui::router
