// SPDX-License-Identifier: Apache-2.0
#include "common/config/program.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/checks.h"
#include "common/version/version.h"
#include "tests/unit/common/config/testing.h"

namespace chasqui::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::TestingConfig;

constexpr Program kProgram{"chasqui-test", "Tests the command line.", "TEST"};

std::vector<std::string> Validate(const google::protobuf::Message& message) {
  const auto& config = static_cast<const TestingConfig&>(message);
  Checks checks;
  checks.Range("queue.shift", config.queue().shift(), -5, 5);
  checks.Require(config.name() != "south", "name", "must not be south");
  return std::move(checks).Take();
}

Outcome ParseArguments(const std::vector<std::string>& arguments, TestingConfig& config,
                       const Environment& environment = {}) {
  return Parse(kProgram, arguments, environment, config, Validate);
}

TEST(Program, GoesOnWithoutArguments) {
  TestingConfig config;
  const Outcome outcome = ParseArguments({}, config);
  EXPECT_FALSE(outcome.exit_code);
  EXPECT_THAT(outcome.out + outcome.err, IsEmpty());
}

TEST(Program, PutsFileEnvironmentAndFlagsTogether) {
  const TemporaryFile file("name: north\nqueue: {shift: 1, max_requests: 1}\n");
  TestingConfig config;

  const Outcome outcome = ParseArguments(
      {"--config", file.path(), "--set", "queue.max_requests=3", "--set", "ports=[1, 2]"}, config,
      {{"TEST_QUEUE_MAX_REQUESTS", "2"}});

  EXPECT_FALSE(outcome.exit_code) << outcome.err;
  EXPECT_EQ(config.name(), "north");
  EXPECT_EQ(config.queue().max_requests(), 3u);
  EXPECT_EQ(config.ports_size(), 2);
}

TEST(Program, PrintsHelpAndVersionAndTheSettings) {
  TestingConfig config;
  config.set_name("north");

  const Outcome help = ParseArguments({"--help"}, config);
  const Outcome version = ParseArguments({"--version"}, config);
  const Outcome settings = ParseArguments({"--print-config", "--set=queue.max_wait=90s"}, config);

  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out,
              AllOf(HasSubstr("--print-config"), HasSubstr("TEST_SERVER_LISTEN_ADDRESS")));
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.out, "chasqui-test " + std::string(version::Version()) + " (" +
                             std::string(version::Revision()) + ")\n");
  EXPECT_EQ(settings.exit_code, 0);
  EXPECT_THAT(settings.out, AllOf(HasSubstr("name: \"north\""), HasSubstr("max_wait: 1m30s")));
}

TEST(Program, ExitsWith64AndOneLineForEachProblem) {
  TestingConfig config;

  const Outcome unreadable = ParseArguments({"--set", "naem=x", "--set", "queue.shift=x"}, config);
  TestingConfig invalid_config;
  const Outcome invalid =
      ParseArguments({"--set", "name=south", "--set", "queue.shift=9"}, invalid_config);

  EXPECT_EQ(unreadable.exit_code, kBadConfigExit);
  EXPECT_EQ(unreadable.err,
            "chasqui-test: --set: \"naem\": unknown key (did you mean \"name\"?)\n"
            "chasqui-test: --set: queue.shift: must be a whole number from -2147483648 to "
            "2147483647, not \"x\"\n");
  EXPECT_EQ(invalid.exit_code, kBadConfigExit);
  EXPECT_EQ(invalid.err,
            "chasqui-test: queue.shift: must be from -5 to 5, not 9\n"
            "chasqui-test: name: must not be south\n");
}

TEST(Program, RefusesUnknownArguments) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--unknown"}, {"word"}, {"--config"}, {"--set"}}) {
    TestingConfig config;
    const Outcome outcome = ParseArguments(arguments, config);
    EXPECT_EQ(outcome.exit_code, kBadConfigExit);
    EXPECT_THAT(outcome.err, Not(IsEmpty()));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

}  // namespace
}  // namespace chasqui::config
