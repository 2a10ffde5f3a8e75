// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "common/config/load.h"
#include "tests/unit/common/config/testing.h"

namespace chasqui::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::TestingConfig;

TEST(Print, IsReadBackToTheSameMessage) {
  TestingConfig config;
  config.set_name("a: \"b\"\n# c\ttrue");
  config.mutable_queue()->set_max_requests(0);
  config.mutable_queue()->mutable_max_wait()->set_nanos(1);
  config.mutable_queue()->set_buffer_bytes(3u << 20);
  config.add_models()->add_aliases("no");
  config.mutable_models(0)->set_path("");
  config.add_ports(65535);
  (*config.mutable_labels())["key: 1"] = "~";
  (*config.mutable_queues())["x"].set_shift(-1);
  config.set_colour(TestingConfig::COLOUR_POLICY_BLUE);
  config.set_ratio(0.1);
  config.set_share(0.1f);
  config.set_reflection(false);
  config.add_steps()->set_seconds(7);

  TestingConfig read;
  EXPECT_THAT(YamlProblems(Print(config), read), IsEmpty()) << Print(config);

  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(read, config)) << Print(config);
}

TEST(Print, ShowsDefaultsAndLeavesOutWhatIsAbsent) {
  TestingConfig config;

  EXPECT_THAT(Print(config), AllOf(HasSubstr("ports: []"), HasSubstr("labels: {}"),
                                   HasSubstr("enabled: false"), Not(HasSubstr("reflection")),
                                   Not(HasSubstr("queue:")), Not(HasSubstr("colour"))));
}

TEST(Print, MasksSecrets) {
  TestingConfig config;
  config.set_api_key("hunter2");
  config.set_database_password("hunter2");
  config.set_password_file("/etc/password");

  EXPECT_THAT(Print(config), AllOf(HasSubstr("api_key: \"***\""), Not(HasSubstr("hunter2")),
                                   HasSubstr("password_file: \"/etc/password\"")));
}

TEST(Print, MasksPasswordsInsideUrls) {
  for (const std::string url :
       {"postgres://user:hunter2@host/db", "redis://:hunter2@host",
        "postgres://u:hunter2@x@host/db", "host=x password=hunter2 user=y",
        "host=x password='hunter2 it' user=y", "postgres://host/db?password=hunter2&x=y"}) {
    TestingConfig config;
    config.set_database_url(url);
    EXPECT_THAT(Print(config), AllOf(HasSubstr("***"), Not(HasSubstr("hunter2")))) << url;
  }
  TestingConfig config;
  config.set_database_url("postgres://user@host:5432/db");
  EXPECT_THAT(Print(config), HasSubstr("postgres://user@host:5432/db"));
}

}  // namespace
}  // namespace chasqui::config
