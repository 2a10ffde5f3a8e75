// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/services/router/dispatch/dispatcher_fixture.h"

namespace chasqui::router {
namespace {

// What a dispatcher tells its policy of prompts and of response times.
class DispatcherPrefixes : public DispatcherTest {
 protected:
  static Dispatcher::Options WithAffinity() {
    Dispatcher::Options options = Options(3);
    options.make_policy = [] {
      config::v1::BalancingConfig config;
      config.set_policy(config::v1::BALANCING_POLICY_PREFIX_AFFINITY);
      config.mutable_prefix_affinity()->set_load_margin_percent(25);
      config.mutable_prefix_affinity()->set_table_entries(1024);
      return MakePolicy(config, nullptr);
    };
    return options;
  }

  DispatcherPrefixes() : DispatcherTest(WithAffinity()) {}

  std::shared_ptr<Ticket> SubmitPrompt(std::uint64_t prompt) {
    std::shared_ptr<Ticket> ticket = NewTicket();
    ticket->prefix = std::make_shared<const std::vector<std::uint64_t>>(1, prompt);
    return Submit(std::move(ticket));
  }
};

TEST_F(DispatcherPrefixes, SendsAPromptWhereItsBeginningWasTaken) {
  Join("w1", 8);
  Join("w2", 8);
  const auto first = SubmitPrompt(1);
  ASSERT_EQ(WhereTo(first), "w1");
  dispatcher_.Took(**first->outcome);
  Release(*first, Ending::kAnswered);

  const auto again = SubmitPrompt(1);

  EXPECT_EQ(WhereTo(again), "w1");
  EXPECT_EQ((*again->outcome)->reason, PickReason::kPrefixHit);
  EXPECT_EQ(WhereTo(SubmitPrompt(2)), "w2");
}

TEST_F(DispatcherPrefixes, RemembersNothingOfAnAttemptThatFailed) {
  Join("w1", 8);
  Join("w2", 8);
  const auto ticket = SubmitPrompt(1);
  ASSERT_EQ(WhereTo(ticket), "w1");

  ComeBack(ticket, Ending::kFull);

  EXPECT_EQ(WhereTo(ticket), "w2");
  EXPECT_EQ((*ticket->outcome)->reason, PickReason::kPrefixUnknown);
  dispatcher_.Took(**ticket->outcome);
  EXPECT_EQ(WhereTo(SubmitPrompt(1)), "w2");
}

TEST_F(DispatcherPrefixes, ForgetsAWorkerThatLeft) {
  const SessionId w1 = Join("w1", 8);
  Join("w2", 8);
  const auto ticket = SubmitPrompt(1);
  ASSERT_EQ(WhereTo(ticket), "w1");
  dispatcher_.Took(**ticket->outcome);

  dispatcher_.Leave(w1, At(now_).steady);

  EXPECT_EQ(WhereTo(SubmitPrompt(1)), "w2");
}

TEST_F(DispatcherPrefixes, TakesWhatAWorkerThatLeftStillTells) {
  const SessionId w1 = Join("w1", 8);
  const auto ticket = SubmitPrompt(1);
  dispatcher_.Leave(w1, At(now_).steady);

  dispatcher_.Took(**ticket->outcome);
  Release(*ticket, Ending::kAnswered);

  EXPECT_EQ(WhereTo(SubmitPrompt(1)), "UNAVAILABLE");
}

// The worker's seat for "tiny".
const Seat& SeatOf(const Dispatcher& dispatcher, const std::string& worker) {
  return dispatcher.registry().members().at(worker)->seats.at("tiny");
}

TEST_F(DispatcherTest, AveragesHowLongAnswersTook) {
  Join("w1", 8);
  const auto first = Submit();
  now_ += std::chrono::seconds(2);
  Release(*first, Ending::kAnswered);
  EXPECT_DOUBLE_EQ(SeatOf(dispatcher_, "w1").response_seconds, 2);

  const auto second = Submit();
  now_ += std::chrono::seconds(4);
  Release(*second, Ending::kAnswered);
  EXPECT_DOUBLE_EQ(SeatOf(dispatcher_, "w1").response_seconds, 2.2);
}

TEST_F(DispatcherTest, DoesNotCountFailuresAsQuickAnswers) {
  Join("w1", 8);
  const auto ticket = Submit();
  now_ += std::chrono::milliseconds(1);

  Release(*ticket, Ending::kDone);

  EXPECT_EQ(SeatOf(dispatcher_, "w1").response_seconds, 0);
}

}  // namespace
}  // namespace chasqui::router
