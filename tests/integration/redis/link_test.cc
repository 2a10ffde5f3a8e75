// SPDX-License-Identifier: Apache-2.0
#include "common/redis/link.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "common/concurrency/named_thread.h"
#include "common/time/clock.h"
#include "tests/integration/redis/link_fixture.h"

namespace chasqui::redis {
namespace {

using namespace std::chrono_literals;
using absl_testing::IsOk;
using absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::WaitUntil;

class LinkTest : public LinkFixture {};

TEST_F(LinkTest, GivesBackTheBytesItWasGiven) {
  Link link(PatientOptions());
  ASSERT_TRUE(WaitUntilUp(link));
  std::string value;
  for (int i = 0; i < 100'000; ++i) value.push_back(static_cast<char>(i * 7));
  const std::string key("a\0\r\n key", 8);

  ASSERT_EQ(Ask(link, {"SET", key, value})->kind, Reply::Kind::kStatus);

  EXPECT_EQ(Ask(link, {"GET", key})->text, value);
  EXPECT_TRUE(Ask(link, {"GET", "another"})->nil());
}

TEST_F(LinkTest, TellsErrorsOfCommandsAndGoesOn) {
  Link link(PatientOptions());
  ASSERT_TRUE(WaitUntilUp(link));

  EXPECT_THAT(Ask(link, {"NOSUCHCOMMAND"}), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(Ask(link, {"EVALSHA", std::string(40, '0'), "0"}),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Ask(link, {"PING"}), IsOk());
}

TEST_F(LinkTest, AnswersTenThousandCommandsAtOnceInTheirOrder) {
  Link link(PatientOptions());
  ASSERT_TRUE(WaitUntilUp(link));
  std::atomic<int> answered = 0;
  std::atomic<int> in_order = 0;

  for (int i = 0; i < 10'000; ++i) {
    link.Send({"INCR", "n"}, [&](const ReplyOr& reply) {
      if (reply.ok() && reply->integer == answered + 1) ++in_order;
      ++answered;
    });
  }

  EXPECT_TRUE(WaitUntil([&] { return answered == 10'000; }));
  EXPECT_EQ(in_order, 10'000);
}

TEST_F(LinkTest, CallsOnItsThreadWhatIsPosted) {
  Link link(PatientOptions());
  ASSERT_TRUE(WaitUntilUp(link));
  std::thread::id its_thread;
  std::thread::id called_on;
  absl::Notification called;
  link.Send({"PING"}, [&](const ReplyOr&) {
    its_thread = std::this_thread::get_id();
    link.Post([&](const ReplyOr& reply) {
      EXPECT_THAT(reply, IsOk());
      called_on = std::this_thread::get_id();
      called.Notify();
    });
  });

  called.WaitForNotification();
  EXPECT_EQ(called_on, its_thread);
}

TEST_F(LinkTest, RefusesWhatIsTooMuchAtOnce) {
  Link::Options options = PatientOptions();
  options.most_pending = 10;
  std::atomic<int> answered = 0;
  std::atomic<int> refused = 0;
  {
    Link link(std::move(options));
    ASSERT_TRUE(WaitUntilUp(link));
    server_.Hang();
    for (int i = 0; i < 15; ++i) {
      link.Send({"PING"}, [&](const ReplyOr& reply) {
        EXPECT_THAT(reply, StatusIs(absl::StatusCode::kUnavailable));
        ++answered;
      });
    }
    refused = answered.load();
  }

  EXPECT_EQ(refused, 5);
  EXPECT_EQ(answered, 15);
}

TEST_F(LinkTest, IsDownAtOnceWhenTheServerIsKilledAndUpAgainWhenItIsBack) {
  Link link(PatientOptions());
  ASSERT_TRUE(WaitUntilUp(link));

  server_.Kill();
  ASSERT_TRUE(WaitUntilDown(link));
  EXPECT_THAT(Ask(link, {"PING"}), StatusIs(absl::StatusCode::kUnavailable));
  server_.Start();
  ASSERT_TRUE(WaitUntilUp(link));

  EXPECT_THAT(Ask(link, {"PING"}), IsOk());
  EXPECT_THAT(states(), ElementsAre(IsOk(), StatusIs(absl::StatusCode::kUnavailable), IsOk()));
}

TEST_F(LinkTest, TellsOnceThatTheServerWasNeverThere) {
  server_.Kill();
  Link link(PatientOptions());

  ASSERT_TRUE(WaitUntil([&] { return !states().empty(); }));
  EXPECT_FALSE(link.up());
  server_.Start();
  ASSERT_TRUE(WaitUntilUp(link));

  ASSERT_TRUE(WaitUntil([&] { return states().size() >= 2; }));
  EXPECT_THAT(states(), ElementsAre(Not(IsOk()), IsOk()));
}

TEST_F(LinkTest, BreaksTheConnectionToAServerThatHangs) {
  Link::Options options = PatientOptions();
  options.command_timeout = 50ms;
  Link link(std::move(options));
  ASSERT_TRUE(WaitUntilUp(link));

  server_.Hang();
  EXPECT_THAT(Ask(link, {"PING"}), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_TRUE(WaitUntilDown(link));

  server_.Resume();
  EXPECT_TRUE(WaitUntilUp(link));
}

TEST_F(LinkTest, FindsOutThatASilentServerHangs) {
  Link::Options options = PatientOptions();
  options.command_timeout = 50ms;
  options.ping_interval = 20ms;
  Link link(std::move(options));
  ASSERT_TRUE(WaitUntilUp(link));

  server_.Hang();

  EXPECT_TRUE(WaitUntilDown(link));
  server_.Resume();
  EXPECT_TRUE(WaitUntilUp(link));
}

TEST_F(LinkTest, TellsThatAnAnswerIsLateAndDropsItWhenItComes) {
  Link::Options options = PatientOptions();
  options.answer_timeout = 30ms;
  std::atomic<int> came = 0;
  options.on_late_answer = [&] { ++came; };
  Link link(std::move(options));
  ASSERT_TRUE(WaitUntilUp(link));
  server_.Hang();
  std::atomic<int> told = 0;

  for (int i = 0; i < 100; ++i) {
    link.Send({"INCR", "n"}, [&](const ReplyOr& reply) {
      EXPECT_THAT(reply, StatusIs(absl::StatusCode::kDeadlineExceeded));
      ++told;
    });
  }
  EXPECT_TRUE(WaitUntil([&] { return told == 100; }));
  EXPECT_TRUE(link.up());
  server_.Resume();

  // The late ones are answered first, and each to nobody.
  EXPECT_TRUE(WaitUntil([&] {
    const ReplyOr n = Ask(link, {"GET", "n"});
    return n.ok() && n->text == "100";
  }));
  EXPECT_EQ(told, 100);
  EXPECT_GE(came, 100);
}

TEST_F(LinkTest, AnswersEachCommandOnceWhateverHappensToTheServer) {
  std::atomic<int> asked = 0;
  std::atomic<int> answered = 0;
  {
    Link link(PatientOptions());
    std::vector<concurrency::NamedThread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back(absl::StrCat("asker-", t), [&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          ++asked;
          absl::Notification done;
          link.Send({"PING"}, [&](const ReplyOr&) {
            ++answered;
            done.Notify();  // which ends the test program when it was called before
          });
          done.WaitForNotification();
        }
      });
    }
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(WaitUntilUp(link));
      server_.Kill();
      ASSERT_TRUE(WaitUntilDown(link));
      server_.Start();
    }
  }

  EXPECT_EQ(asked, answered);
}

TEST_F(LinkTest, EndsWhileTheServerHangs) {
  Link link(PatientOptions());
  ASSERT_TRUE(WaitUntilUp(link));
  server_.Hang();
  link.Send({"PING"}, [](const ReplyOr& reply) {
    EXPECT_THAT(reply, StatusIs(absl::StatusCode::kUnavailable));
  });
}

TEST(LinkPassword, IsAskedFor) {
  testing::RedisServer server("open-sesame");
  const auto options = [&](const std::string& password) {
    Link::Options it;
    it.address = server.address();
    it.connect_timeout = 10s;
    it.command_timeout = 10s;
    it.greeting = {{"AUTH", password}};
    return it;
  };
  Link right(options("open-sesame"));
  EXPECT_TRUE(WaitUntil([&] { return right.up(); }));

  absl::Notification told;
  Link::Options wrong_options = options("wrong");
  wrong_options.on_state = [&](const absl::Status& state) {
    EXPECT_THAT(state, StatusIs(absl::StatusCode::kInternal, Not(HasSubstr("wrong"))));
    told.Notify();
  };
  Link wrong(std::move(wrong_options));
  told.WaitForNotification();
  EXPECT_FALSE(wrong.up());
}

}  // namespace
}  // namespace chasqui::redis
