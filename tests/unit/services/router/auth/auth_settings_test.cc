// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/auth_settings.h"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/router/router_config.h"

namespace chasqui::router {
namespace {

using config::v1::RouterConfig;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

RouterConfig ListeningAt(const std::string& address) {
  RouterConfig config = DefaultConfig();
  config.mutable_server()->set_listen_address(address);
  return config;
}

std::string WriteFile(const std::string& text) {
  const std::string path = ::testing::TempDir() + "/" +
                           ::testing::UnitTest::GetInstance()->current_test_info()->name() +
                           ".yaml";
  std::ofstream(path) << text;
  return path;
}

TEST(AuthSettings, KnowWhatOnlyThisMachineReaches) {
  for (const char* address : {"127.0.0.1:1", "127.8.0.1:1", "localhost:1", "[::1]:1", "unix:/x"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (const char* address : {"0.0.0.0:1", ":1", "[::]:1", "10.0.0.1:1", "127.example.org:1",
                              "[::1:2]:1", "localhost.example:1"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

TEST(AuthSettings, RequireAuthenticationWhereOthersReachTheRouter) {
  EXPECT_FALSE(AuthRequired(ListeningAt("127.0.0.1:50051")));
  EXPECT_TRUE(AuthRequired(ListeningAt("0.0.0.0:50051")));

  RouterConfig off = ListeningAt("0.0.0.0:50051");
  off.mutable_auth()->set_mode(config::v1::AUTH_MODE_OFF);
  EXPECT_FALSE(AuthRequired(off));
  RouterConfig on = ListeningAt("127.0.0.1:50051");
  on.mutable_auth()->set_mode(config::v1::AUTH_MODE_REQUIRED);
  EXPECT_TRUE(AuthRequired(on));
  RouterConfig with_keys = ListeningAt("127.0.0.1:50051");
  with_keys.mutable_auth()->set_keys_file("keys.yaml");
  EXPECT_TRUE(AuthRequired(with_keys));
}

TEST(AuthSettings, RefuseToServeOthersWithoutKeysUnlessTold) {
  RouterConfig config = ListeningAt("0.0.0.0:50051");
  EXPECT_THAT(Validate(config),
              ElementsAre(AllOf(StartsWith("auth.mode: "), HasSubstr("auth.keys_file"))));

  config.mutable_auth()->set_mode(config::v1::AUTH_MODE_OFF);
  EXPECT_THAT(Validate(config), IsEmpty());

  config = ListeningAt("0.0.0.0:50051");
  auto& tls = *config.mutable_server()->mutable_tls();
  tls.set_certificate_file("c.pem");
  tls.set_private_key_file("k.pem");
  tls.set_client_ca_file("ca.pem");
  EXPECT_THAT(Validate(config), IsEmpty());
}

TEST(AuthSettings, TellWhatIsWrongInTheFileOfKeys) {
  RouterConfig config = DefaultConfig();
  config.mutable_auth()->set_keys_file("/there/is/no/such/file");
  EXPECT_THAT(Validate(config), ElementsAre(StartsWith("auth.keys_file: /there/is/no/such/file")));

  config.mutable_auth()->set_keys_file(WriteFile("keys: []\n"));
  EXPECT_THAT(Validate(config), ElementsAre(HasSubstr("neither keys nor certificates")));
}

// A key in the wrong place of the file must not end in the log.
TEST(AuthSettings, TellNoKeyThatStandsInTheWrongPlace) {
  const std::string key = "chasqui_0123456789ab_" + std::string(64, 'e');
  RouterConfig config = DefaultConfig();
  config.mutable_auth()->set_keys_file(WriteFile("keys:\n- " + key + ": team-a\n"));

  const std::vector<std::string> problems = Validate(config);

  EXPECT_THAT(problems, ElementsAre(AllOf(HasSubstr("unknown key"), Not(HasSubstr("eeee")))));
}

TEST(AuthSettings, KeepLimitsAndRedisWithinTheirBounds) {
  RouterConfig config = DefaultConfig();
  config.mutable_limits()->mutable_tenant_defaults()->set_requests_per_hour(1'000'000'000);
  config.mutable_limits()->set_assumed_answer_tokens(0);
  auto& redis = *config.mutable_limits()->mutable_redis();
  redis.set_address("redis");
  redis.set_username("u");
  redis.set_database(9999);
  redis.mutable_timeout()->Clear();
  config.mutable_auth()->mutable_reload_interval()->Clear();

  EXPECT_THAT(
      Validate(config),
      ElementsAre(StartsWith("auth.reload_interval"), StartsWith("limits.assumed_answer_tokens"),
                  StartsWith("limits.redis.address"), StartsWith("limits.redis.username"),
                  StartsWith("limits.redis.database"), StartsWith("limits.redis.timeout"),
                  StartsWith("limits.tenant_defaults.requests_per_hour")));
}

}  // namespace
}  // namespace chasqui::router
