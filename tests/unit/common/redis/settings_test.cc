// SPDX-License-Identifier: Apache-2.0
#include "common/redis/settings.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::redis {
namespace {

using namespace std::chrono_literals;
using config::v1::RedisConfig;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

RedisConfig Defaults() {
  RedisConfig config;
  SetDefaults(config);
  return config;
}

std::vector<std::string> ProblemsOf(const RedisConfig& config) {
  config::Checks checks;
  Check("x", config, checks);
  return std::move(checks).Take();
}

TEST(Settings, DefaultsAreThoseOfTheirComments) {
  EXPECT_EQ(Timeout(Defaults()), 50ms);
  EXPECT_EQ(Defaults().key_prefix(), "chasqui:");
  EXPECT_THAT(ProblemsOf(Defaults()), IsEmpty());
}

TEST(Settings, AreToldAllThatIsWrongAtOnce) {
  RedisConfig config;
  config.set_address("redis");
  config.set_username("u");
  config.set_database(1024);

  EXPECT_THAT(ProblemsOf(config), ElementsAre(StartsWith("x.address"), StartsWith("x.username"),
                                              StartsWith("x.database"), StartsWith("x.timeout")));
}

TEST(Settings, AddressesAreOfHostsAndOfSockets) {
  for (const char* address : {"redis:6379", "[::1]:6379", "unix:/run/redis.sock"}) {
    RedisConfig config = Defaults();
    config.set_address(address);
    EXPECT_THAT(ProblemsOf(config), IsEmpty()) << address;
  }
}

TEST(Settings, GreetAServerAsItWants) {
  RedisConfig config = Defaults();
  EXPECT_THAT(LinkOptions(config).greeting, IsEmpty());

  config.set_password("p");
  EXPECT_THAT(LinkOptions(config).greeting, ElementsAre(ElementsAre("AUTH", "p")));

  config.set_username("u");
  config.set_database(3);
  EXPECT_THAT(LinkOptions(config).greeting,
              ElementsAre(ElementsAre("AUTH", "u", "p"), ElementsAre("SELECT", "3")));
}

TEST(Settings, LetAServerBeSilentForLongerThanAnAnswerMayTake) {
  RedisConfig config = Defaults();
  EXPECT_EQ(LinkOptions(config).command_timeout, 500ms);
  EXPECT_EQ(LinkOptions(config).connect_timeout, 1s);

  config.mutable_timeout()->set_seconds(2);
  EXPECT_EQ(LinkOptions(config).command_timeout, 20'500ms);
}

}  // namespace
}  // namespace chasqui::redis
