// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "common/redis/link.h"
#include "tests/integration/redis/link_fixture.h"

namespace chasqui::redis {
namespace {

using namespace std::chrono_literals;
using absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::Pair;
using testing::WaitUntil;

using Messages = std::vector<std::pair<std::string, std::string>>;

class ChannelsTest : public LinkFixture {
 protected:
  Link::Options Listening() {
    Link::Options options = PatientOptions();
    options.channels = {"one", "other"};
    options.on_message = [this](std::string_view channel, std::string_view payload) {
      absl::MutexLock lock(mutex_);
      messages_.emplace_back(channel, payload);
    };
    return options;
  }
  Messages messages() {
    absl::MutexLock lock(mutex_);
    return messages_;
  }

  // How many the server has had.
  int Pings() {
    const std::string stats = server_.Ask("INFO commandstats");
    const std::string_view before = "cmdstat_ping:calls=";
    const std::size_t at = stats.find(before);
    return at == std::string::npos ? 0 : std::stoi(stats.substr(at + before.size()));
  }

  Messages messages_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(ChannelsTest, AreHeardOnceTheLinkIsUp) {
  Link listener(Listening());
  Link speaker(PatientOptions());
  ASSERT_TRUE(WaitUntilUp(listener) && WaitUntilUp(speaker));
  const std::string bytes("\0\r\n\xff", 4);

  EXPECT_EQ(Ask(speaker, {"PUBLISH", "one", bytes})->integer, 1);
  EXPECT_EQ(Ask(speaker, {"PUBLISH", "nobody's", "x"})->integer, 0);
  EXPECT_EQ(Ask(speaker, {"PUBLISH", "other", ""})->integer, 1);

  ASSERT_TRUE(WaitUntil([&] { return messages().size() == 2; }));
  EXPECT_THAT(messages(), ElementsAre(Pair("one", bytes), Pair("other", "")));
}

TEST_F(ChannelsTest, ShareTheirLinkWithCommandsInTheServersOrder) {
  Link link(Listening());
  ASSERT_TRUE(WaitUntilUp(link));
  std::atomic<int> answered = 0;
  std::atomic<int> in_order = 0;

  // A message is there before the answer to the command that follows it.
  for (int i = 1; i <= 1000; ++i) {
    link.Send({"PUBLISH", "one", absl::StrCat(i)}, nullptr);
    link.Send({"GET", "nothing"}, [&, i](const ReplyOr& reply) {
      if (reply.ok() && reply->nil() && messages().size() == static_cast<std::size_t>(i)) {
        ++in_order;
      }
      ++answered;
    });
  }

  ASSERT_TRUE(WaitUntil([&] { return answered == 1000; }));
  EXPECT_EQ(in_order, 1000);
  EXPECT_EQ(messages().back().second, "1000");
}

TEST_F(ChannelsTest, AreHeardAgainAfterTheServerWasRestarted) {
  Link listener(Listening());
  Link speaker(PatientOptions());
  ASSERT_TRUE(WaitUntilUp(listener) && WaitUntilUp(speaker));

  server_.Kill();
  ASSERT_TRUE(WaitUntilDown(listener) && WaitUntilDown(speaker));
  server_.Start();
  ASSERT_TRUE(WaitUntilUp(listener) && WaitUntilUp(speaker));

  EXPECT_EQ(Ask(speaker, {"PUBLISH", "one", "again"})->integer, 1);
  EXPECT_TRUE(WaitUntil([&] { return messages().size() == 1; }));
}

TEST_F(ChannelsTest, AreFoundDeadWhenTheServerHangs) {
  Link::Options options = Listening();
  options.ping_interval = 20ms;
  options.command_timeout = 50ms;
  Link listener(std::move(options));
  ASSERT_TRUE(WaitUntilUp(listener));

  server_.Hang();
  ASSERT_TRUE(WaitUntilDown(listener));
  EXPECT_THAT(states().back(), StatusIs(absl::StatusCode::kUnavailable));

  server_.Resume();
  EXPECT_TRUE(WaitUntilUp(listener));
}

TEST_F(ChannelsTest, StayUpWhileNothingIsSaid) {
  Link::Options options = Listening();
  options.ping_interval = 5ms;
  Link listener(std::move(options));
  ASSERT_TRUE(WaitUntilUp(listener));

  ASSERT_TRUE(WaitUntil([&] { return Pings() >= 20; }));

  EXPECT_TRUE(listener.up());
  EXPECT_EQ(states().size(), 1);
}

}  // namespace
}  // namespace chasqui::redis
