// SPDX-License-Identifier: Apache-2.0
#include "common/observability/log.h"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "absl/synchronization/notification.h"

namespace chasqui::observability {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;

// Lines of a Logger. Useful for looking at them once it is gone: its end writes everything out.
using Lines = std::shared_ptr<std::vector<std::string>>;

LogOptions Into(const Lines& lines, LogFormat format = LogFormat::kJson) {
  return {.service = "router", .format = format, .write = [lines](std::string_view line) {
            lines->emplace_back(line);
          }};
}

TEST(Log, WritesOneJsonObjectALine) {
  const auto lines = std::make_shared<std::vector<std::string>>();

  Logger(Into(lines))
      .Warn("worker left", {{"worker", "w\"1\n"},
                            {"slots", 8},
                            {"bytes", std::uint64_t{1} << 63},
                            {"share", 0.5},
                            {"drained", true},
                            {"wait", 1500ms},
                            {"error", absl::UnavailableError("gone")}});

  ASSERT_THAT(*lines, SizeIs(1));
  EXPECT_THAT(lines->front(), EndsWith("}\n"));
  const auto json = nlohmann::json::parse(lines->front());
  EXPECT_THAT(json["time"].get<std::string>(),
              MatchesRegex("20[0-9-]+T[0-9:]+[.][0-9][0-9][0-9][0-9][0-9][0-9]Z"));
  EXPECT_EQ(json["level"], "warn");
  EXPECT_EQ(json["service"], "router");
  EXPECT_EQ(json["message"], "worker left");
  EXPECT_EQ(json["worker"], "w\"1\n");
  EXPECT_EQ(json["slots"], 8);
  EXPECT_EQ(json["bytes"], std::uint64_t{1} << 63);
  EXPECT_EQ(json["share"], 0.5);
  EXPECT_EQ(json["drained"], true);
  EXPECT_EQ(json["wait"], 1.5);
  EXPECT_EQ(json["error"], "UNAVAILABLE: gone");
}

TEST(Log, WritesTextForPeople) {
  const auto lines = std::make_shared<std::vector<std::string>>();

  Logger(Into(lines, LogFormat::kText)).Info("joined", {{"worker", "w1"}, {"why", "a b"}});
  Logger(Into(lines, LogFormat::kColouredText)).Error("left");

  EXPECT_THAT(*lines, ElementsAre(MatchesRegex("[0-9:.]+ INFO  router  joined  worker=w1  "
                                               "why=\"a b\"\n"),
                                  AllOf(HasSubstr("\033[31mERROR\033[0m"), HasSubstr("left"))));
}

TEST(Log, LetsNoTextBreakOrForgeALine) {
  const auto lines = std::make_shared<std::vector<std::string>>();
  const std::string hostile = "x\n{\"level\":\"error\"}\x1b[2J\xff\xfe";

  Logger(Into(lines)).Info(hostile, {{"field", hostile}});
  Logger(Into(lines, LogFormat::kText)).Info(hostile, {{"field", hostile}});

  ASSERT_THAT(*lines, SizeIs(2));
  EXPECT_THAT(nlohmann::json::parse((*lines)[0])["field"].get<std::string>(),
              EndsWith("\xef\xbf\xbd\xef\xbf\xbd"));
  for (const std::string& line : *lines) {
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  }
}

TEST(Log, CutsLongTexts) {
  const auto lines = std::make_shared<std::vector<std::string>>();
  Logger(Into(lines)).Info("long", {{"prompt", std::string(1 << 20, 'x')}});
  EXPECT_LT(lines->front().size(), 5000u);
}

TEST(Log, AddsBoundFieldsToEachLine) {
  const auto lines = std::make_shared<std::vector<std::string>>();
  {
    const Logger log(Into(lines));
    const Logger request = log.With({{"request_id", "r1"}}).With({{"model", "tiny"}});
    request.Info("begun");
    log.Info("other");
  }

  ASSERT_THAT(*lines, SizeIs(2));
  EXPECT_THAT((*lines)[0], HasSubstr(R"("message":"begun","request_id":"r1","model":"tiny"})"));
  EXPECT_THAT((*lines)[1], Not(HasSubstr("r1")));
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  const auto lines = std::make_shared<std::vector<std::string>>();
  LogOptions options = Into(lines);
  options.level = LogLevel::kWarn;
  {
    const Logger log(std::move(options));
    log.Debug("a");
    log.Info("b");
    log.Warn("c");
    EXPECT_FALSE(log.IsOn(LogLevel::kInfo));
    EXPECT_TRUE(log.IsOn(LogLevel::kError));
  }
  EXPECT_THAT(*lines, SizeIs(1));
}

TEST(Log, SaysNothingByDefault) {
  const Logger log;
  log.With({{"a", 1}}).Error("nobody hears");
  EXPECT_FALSE(log.IsOn(LogLevel::kError));
  EXPECT_EQ(log.dropped_lines(), 0u);
}

TEST(Log, DropsAndCountsLinesInsteadOfBlocking) {
  absl::Notification started;
  absl::Notification release;
  const auto lines = std::make_shared<std::vector<std::string>>();
  LogOptions options = Into(lines);
  options.queue_lines = 4;
  options.write = [&, lines](std::string_view line) {
    if (lines->empty()) started.Notify();
    release.WaitForNotification();
    lines->emplace_back(line);
  };
  {
    const Logger log(std::move(options));
    log.Info("first");
    started.WaitForNotification();

    for (int i = 0; i < 10; ++i) log.Info("more");

    EXPECT_EQ(log.dropped_lines(), 6u);
    release.Notify();
  }
  EXPECT_THAT(*lines, SizeIs(5));
}

TEST(Log, WritesWhatIsGatheredTogether) {
  const auto lines = std::make_shared<std::vector<std::string>>();
  {
    const Logger log(Into(lines));
    const Logger gathered = log.With({{"part", "access"}}).Gathered(1h);
    gathered.Info("one");
    gathered.With({{"two", 2}}).Info("two");
    gathered.Debug("below the level");
  }

  ASSERT_THAT(*lines, SizeIs(1));
  const std::size_t end = lines->front().find('\n') + 1;
  const auto first = nlohmann::json::parse(lines->front().substr(0, end));
  const auto second = nlohmann::json::parse(lines->front().substr(end));
  EXPECT_EQ(first["message"], "one");
  EXPECT_EQ(first["level"], "info");
  EXPECT_EQ(second["part"], "access");
  EXPECT_EQ(second["two"], 2);
}

TEST(Log, WritesWhatIsGatheredAfterTheDelay) {
  absl::Notification written;
  LogOptions options = Into(std::make_shared<std::vector<std::string>>());
  options.write = [&](std::string_view) { written.Notify(); };
  const Logger log = Logger(std::move(options)).Gathered(1ms);

  log.Info("one");

  EXPECT_TRUE(written.WaitForNotificationWithTimeout(absl::Seconds(20)));
}

TEST(Log, SurvivesAWriterThatThrows) {
  {
    const Logger log({.service = "router",
                      .write = [](std::string_view) { throw std::runtime_error("disk full"); }});
    log.Info("a");
    log.Info("b");
  }
  SUCCEED();
}

TEST(LogOptions, FollowTheConfiguration) {
  config::v1::LogConfig config;
  config.set_level(config::v1::LOG_LEVEL_DEBUG);
  config.set_format(config::v1::LOG_FORMAT_JSON);

  const LogOptions options = LogOptionsFrom("cache", config);

  EXPECT_EQ(options.service, "cache");
  EXPECT_EQ(options.level, LogLevel::kDebug);
  EXPECT_EQ(options.format, LogFormat::kJson);
  EXPECT_EQ(LogOptionsFrom("cache", {}).level, LogLevel::kInfo);
}

}  // namespace
}  // namespace chasqui::observability
