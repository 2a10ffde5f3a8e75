// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::FakeCall;
using testing::FakeWorker;
using ::testing::HasSubstr;

class RouterFailover : public RouterFixture {
 protected:
  void SetUp() override { StartRouter(); }

  // A stream of which two chunks have come from the first worker.
  void BeginStream(const inference::v1::GenerateRequest& request = testing::Prompt("hello")) {
    w1_ = JoinWorker({.id = "w1"});
    client_ = std::make_unique<testing::ClientStream>(channel_, request);
    first_ = w1_->NextCall();
    first_->SendStarted();
    first_->SendChunk("one ", {1});
    first_->SendChunk("two ", {2, 3});
    ASSERT_TRUE(client_->WaitForEvents(3));
    w2_ = JoinWorker({.id = "w2"});
  }

  void ExpectUnbroken(const std::string& text) {
    const grpc::Status status = client_->Wait();
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(client_->text(), text);
    const auto events = client_->events();
    for (std::size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i].sequence(), i);
      EXPECT_EQ(events[i].has_started(), i == 0);
      EXPECT_EQ(events[i].has_finished(), i + 1 == events.size());
    }
  }

  static std::vector<std::uint32_t> Tokens(const FakeCall& call, int candidate = 0) {
    const auto& ids = call.request().resume().candidates(candidate).token_ids();
    return {ids.begin(), ids.end()};
  }
  // Whether the router has been told that something runs there.
  bool IsBusy(const std::string& worker_id) const {
    grpc::ClientContext context;
    fleet::v1::ListWorkersResponse response;
    EXPECT_TRUE(fleet_->ListWorkers(&context, {}, &response).ok());
    return std::ranges::any_of(response.workers(), [&](const auto& worker) {
      return worker.worker_id() == worker_id && worker.load().models(0).active() > 0;
    });
  }
  double Moves(const std::string& reason) const {
    return Metric(absl::StrCat("chasqui_router_stream_moves_total{model=\"tiny\",reason=\"", reason,
                               "\",tenant=\"\"}"));
  }

  std::unique_ptr<FakeWorker> w1_;
  std::unique_ptr<FakeWorker> w2_;
  std::unique_ptr<testing::ClientStream> client_;
  std::shared_ptr<FakeCall> first_;
};

TEST_F(RouterFailover, GoesOnElsewhereWhenTheWorkerDies) {
  BeginStream();

  w1_->Die();

  const auto second = w2_->NextCall();
  EXPECT_THAT(Tokens(*second), ElementsAre(1, 2, 3));
  EXPECT_EQ(second->request().resume().next_sequence(), 2u);
  EXPECT_EQ(second->request().sampling().seed(), 4711u);
  EXPECT_EQ(second->request().request_id(), client_->events().front().started().request_id());
  second->SendStarted();
  second->SendChunk("three", {4});
  second->SendFinished();
  second->Finish();
  ExpectUnbroken("one two three");
  EXPECT_EQ(Moves("lost"), 1);
}

TEST_F(RouterFailover, GoesOnWhenTheWorkerFailsByItsOwnFault) {
  BeginStream();

  first_->Finish(grpc::Status(grpc::StatusCode::INTERNAL, "decode failed"));

  w2_->NextCall()->Answer({"three"});
  ExpectUnbroken("one two three");
  EXPECT_EQ(Moves("failed"), 1);
}

TEST_F(RouterFailover, MovesAgainWhenTheNextWorkerDiesToo) {
  BeginStream();
  w1_->Die();
  const auto second = w2_->NextCall();
  second->SendStarted();
  second->SendChunk("three ", {4});
  ASSERT_TRUE(client_->WaitForEvents(4));
  const auto w3 = JoinWorker({.id = "w3"});

  w2_->Die();

  const auto third = w3->NextCall();
  EXPECT_THAT(Tokens(*third), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(third->request().resume().next_sequence(), 3u);
  third->Answer({"four"});
  ExpectUnbroken("one two three four");
}

TEST_F(RouterFailover, MovesNoMoreThanItMay) {
  Config config = TestConfig();
  config.mutable_streams()->set_max_moves(1);
  StartRouter(config);
  BeginStream();
  w1_->Die();
  const auto second = w2_->NextCall();
  second->SendStarted();
  second->SendChunk("three", {4});
  ASSERT_TRUE(client_->WaitForEvents(4));
  const auto w3 = JoinWorker({.id = "w3"});

  w2_->Die();

  const grpc::Status status = client_->Wait();
  EXPECT_EQ(Reason(status), "WORKER_LOST");
  EXPECT_EQ(w3->NextCallFor(50ms), nullptr);
}

TEST_F(RouterFailover, BeginsAnewWhereNoTokenWasSeen) {
  w1_ = JoinWorker({.id = "w1"});
  auto request = testing::Prompt("hello");
  request.set_echo(true);
  client_ = std::make_unique<testing::ClientStream>(channel_, request);
  first_ = w1_->NextCall();
  first_->SendStarted();
  first_->SendChunk("hello");  // the echo has no tokens
  ASSERT_TRUE(client_->WaitForEvents(2));
  w2_ = JoinWorker({.id = "w2"});

  w1_->Die();

  const auto second = w2_->NextCall();
  EXPECT_FALSE(second->request().has_resume());
  EXPECT_EQ(second->request().sampling().seed(), 4711u);
  second->SendStarted();
  second->SendChunk("hello");
  second->SendChunk(" you", {1});
  second->SendFinished();
  second->Finish();
  ExpectUnbroken("hello you");
}

TEST_F(RouterFailover, KeepsTheAnswersOfOnePromptApart) {
  auto request = testing::Prompt("hello");
  request.set_n(2);
  w1_ = JoinWorker({.id = "w1"});
  client_ = std::make_unique<testing::ClientStream>(channel_, request);
  first_ = w1_->NextCall();
  first_->SendStarted();
  first_->SendChunk("a", {1}, 1);
  first_->SendChunk("b", {2}, 0);
  first_->SendChunk("c", {3}, 1);
  ASSERT_TRUE(client_->WaitForEvents(4));
  w2_ = JoinWorker({.id = "w2"});

  w1_->Die();

  const auto second = w2_->NextCall();
  ASSERT_EQ(second->request().resume().candidates_size(), 2);
  EXPECT_EQ(second->request().resume().candidates(0).index(), 1u);
  EXPECT_THAT(Tokens(*second, 0), ElementsAre(1, 3));
  EXPECT_THAT(Tokens(*second, 1), ElementsAre(2));
  second->Answer({"d"});
  ExpectUnbroken("abcd");
}

TEST_F(RouterFailover, AsksAnotherWhenOneDoesNotTakeTheStreamOver) {
  BeginStream();
  w2_->RefuseAll(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no such adapter"));
  const auto w3 = JoinWorker({.id = "w3"});
  // Both are free: whichever is asked first, the stream ends at w3.
  w1_->Die();

  w3->NextCall()->Answer({"three"});

  ExpectUnbroken("one two three");
}

TEST_F(RouterFailover, TellsWhyItHadToMoveWhenNobodyTakesItOver) {
  BeginStream();
  w2_->RefuseAll(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no such adapter"));

  w1_->Die();

  const grpc::Status status = client_->Wait();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Reason(status), "WORKER_LOST");
}

TEST_F(RouterFailover, WaitsForAWorkerToComeBack) {
  BeginStream();
  EXPECT_TRUE(w2_->Leave().ok());
  w1_->Die();
  ASSERT_TRUE(WaitForQueued(1));

  const auto again = JoinWorker({.id = "w1", .incarnation = 2});

  again->NextCall()->Answer({"three"});
  ExpectUnbroken("one two three");
}

TEST_F(RouterFailover, NeverGoesOnWithOtherWeights) {
  Config config = TestConfig();
  *config.mutable_streams()->mutable_move_timeout() = service::ToProto(50ms);
  StartRouter(config);
  BeginStream();
  EXPECT_TRUE(w2_->Leave().ok());
  const auto other = JoinWorker({.id = "w3", .fingerprint = "ffffffffffffffffffffffffffffffff"});

  w1_->Die();

  EXPECT_EQ(Reason(client_->Wait()), "WORKER_LOST");
  EXPECT_EQ(other->NextCallFor(0ms), nullptr);
}

TEST_F(RouterFailover, FindsTheOldWeightsAmongTheNew) {
  BeginStream();
  std::vector<std::unique_ptr<FakeWorker>> fresh;
  for (const char* id : {"n1", "n2", "n3"}) {
    fresh.push_back(JoinWorker({.id = id, .fingerprint = "ffffffffffffffffffffffffffffffff"}));
  }

  w1_->Die();

  w2_->NextCall()->Answer({"three"});
  ExpectUnbroken("one two three");
}

TEST_F(RouterFailover, DoesNotBelieveAWorkerThatAnswersWithOtherWeights) {
  BeginStream();
  const auto w3 = JoinWorker({.id = "w3", .slots = 9});
  w1_->Die();
  // Least loaded for its slots, so it is asked first.
  const auto liar = w3->NextCall();
  liar->SetFingerprint("ffffffffffffffffffffffffffffffff");

  liar->SendStarted();

  w2_->NextCall()->Answer({"three"});
  ExpectUnbroken("one two three");
}

TEST_F(RouterFailover, LeavesADrainingWorkerOnlyWhenItHasAnotherPlace) {
  BeginStream();
  w2_->SetOthers(1);  // full
  ASSERT_TRUE(testing::WaitUntil([&] { return IsBusy("w2"); }));
  w1_->SetState(fleet::v1::WORKER_STATE_DRAINING);
  ASSERT_TRUE(WaitForQueued(1));
  first_->SendChunk("three ", {4});
  ASSERT_TRUE(client_->WaitForEvents(4));

  w2_->SetOthers(0);

  const auto second = w2_->NextCall();
  EXPECT_THAT(Tokens(*second), ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(first_->WaitUntilCancelled());
  second->Answer({"four"});
  ExpectUnbroken("one two three four");
  EXPECT_EQ(Moves("drained"), 1);
}

// The stream's own ticket came into the queue while the one that looked for a place was still there
// under the same number, and was lost.
TEST_F(RouterFailover, GoesOnWhenTheWorkerDiesWhileItLooksForAnotherPlace) {
  BeginStream();
  w2_->SetOthers(1);  // full
  // Reports of two workers come in any order.
  ASSERT_TRUE(testing::WaitUntil([&] { return IsBusy("w2"); }));
  w1_->SetState(fleet::v1::WORKER_STATE_DRAINING);
  ASSERT_TRUE(WaitForQueued(1));
  w1_->Die();
  ASSERT_TRUE(testing::WaitUntil(
      [&] { return Metric("chasqui_router_workers{state=\"draining\"}") == 0; }));
  ASSERT_TRUE(testing::WaitUntil([&] { return Moves("lost") == 1; }))
      << Moves("silent") << " silent, " << Moves("drained") << " drained";
  ASSERT_TRUE(WaitForQueued(1));

  w2_->SetOthers(0);

  w2_->NextCall()->Answer({"three"});
  ExpectUnbroken("one two three");
}

TEST_F(RouterFailover, LeavesAWorkerThatAnOperatorDrains) {
  BeginStream();
  grpc::ClientContext context;
  fleet::v1::DrainWorkerRequest request;
  request.set_worker_id("w1");
  fleet::v1::DrainWorkerResponse response;
  // The command is answered while the stream moves.
  const auto drained = fleet_->async();
  absl::Notification told;
  drained->DrainWorker(&context, &request, &response, [&](grpc::Status) { told.Notify(); });

  w2_->NextCall()->Answer({"three"});

  ExpectUnbroken("one two three");
  const auto command = w1_->NextCommand();
  ASSERT_TRUE(command.has_value());
  w1_->AnswerCommand(command->command_id(), 0, "");
  told.WaitForNotification();
}

TEST_F(RouterFailover, FinishesWhereItIsWhenThereIsNoOtherPlace) {
  BeginStream();
  EXPECT_TRUE(w2_->Leave().ok());
  w1_->SetState(fleet::v1::WORKER_STATE_DRAINING);
  ASSERT_TRUE(testing::WaitUntil(
      [&] { return Metric("chasqui_router_workers{state=\"draining\"}") == 1; }));

  first_->SendChunk("three", {4});
  first_->SendFinished();
  first_->Finish();

  ExpectUnbroken("one two three");
}

TEST_F(RouterFailover, DoesNotMoveWhatCannotBeResumed) {
  auto request = testing::Prompt("hello");
  request.mutable_sampling()->mutable_mirostat();
  BeginStream(request);
  w1_->SetState(fleet::v1::WORKER_STATE_DRAINING);
  EXPECT_EQ(w2_->NextCallFor(50ms), nullptr);

  first_->SendFinished();
  first_->Finish();

  ExpectUnbroken("one two ");
}

TEST_F(RouterFailover, SaysWhyAStreamOfMirostatBroke) {
  auto request = testing::Prompt("hello");
  request.mutable_sampling()->mutable_mirostat();
  BeginStream(request);

  w1_->Die();

  EXPECT_EQ(Reason(client_->Wait()), "WORKER_LOST");
}

// Workers report often here, and the limits are short.
class RouterSilence : public RouterFailover {
 protected:
  void SetUp() override { StartRouter(50ms, 300ms); }

  void StartRouter(std::chrono::milliseconds silence, std::chrono::milliseconds stall) {
    Config config = TestConfig();
    *config.mutable_membership()->mutable_report_interval() = service::ToProto(100ms);
    *config.mutable_streams()->mutable_silence() = service::ToProto(silence);
    *config.mutable_streams()->mutable_stall_timeout() = service::ToProto(stall);
    RouterFixture::StartRouter(config);
  }
};

TEST_F(RouterSilence, LeavesAWorkerThatHasStoppedReporting) {
  BeginStream();

  w1_->FallSilent();

  w2_->NextCall()->Answer({"three"});
  ExpectUnbroken("one two three");
  EXPECT_TRUE(first_->WaitUntilCancelled());
  EXPECT_EQ(Moves("silent"), 1);
}

TEST_F(RouterSilence, StaysWhereOnlyTheReportsFail) {
  StartRouter(5s, 10s);
  BeginStream();
  w1_->FallSilent();
  ASSERT_TRUE(WaitForReady(1));

  // As long as events come the stream is well.
  for (std::uint32_t token = 4; token < 34; ++token) {
    first_->SendChunk("x", {token});
    ASSERT_TRUE(client_->WaitForEvents(token));
    EXPECT_EQ(w2_->NextCallFor(10ms), nullptr);
  }

  first_->SendFinished();
  first_->Finish();
  EXPECT_TRUE(client_->Wait().ok());
  EXPECT_EQ(Moves("silent"), -1);
}

TEST_F(RouterSilence, LeavesAWorkerThatReportsRequestsAndComputesNothing) {
  BeginStream();

  // It goes on reporting the request as running, and nothing comes.
  w2_->NextCall()->Answer({"three"});

  ExpectUnbroken("one two three");
  EXPECT_EQ(Moves("silent"), 1);
}

TEST_F(RouterSilence, WaitsForAWorkerThatComputes) {
  StartRouter(50ms, 1s);
  BeginStream();
  for (std::uint64_t computed = 1; computed < 150; ++computed) {
    w1_->SetComputedTokens(computed);
    ASSERT_EQ(w2_->NextCallFor(10ms), nullptr);
  }

  first_->SendFinished();
  first_->Finish();

  ExpectUnbroken("one two ");
}

}  // namespace
}  // namespace chasqui::router
