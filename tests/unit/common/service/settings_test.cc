// SPDX-License-Identifier: Apache-2.0
#include "common/service/settings.h"

#include <chrono>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace chasqui::service {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ServerSettings, DefaultsAreValid) {
  config::v1::ServerConfig config;
  SetDefaults("127.0.0.1:0", config);
  config::Checks checks;
  Check("server", config, checks);

  EXPECT_THAT(std::move(checks).Take(), IsEmpty());
}

TEST(ServerSettings, NameWhatIsWrong) {
  config::v1::ServerConfig config;
  SetDefaults("nowhere", config);
  config.set_max_message_bytes(1);
  *config.mutable_keepalive()->mutable_time() = ToProto(1s);
  config::Checks checks;
  Check("server", config, checks);

  EXPECT_THAT(std::move(checks).Take(),
              ElementsAre(HasSubstr("server.listen_address"), HasSubstr("server.max_message_bytes"),
                          HasSubstr("server.keepalive.time")));
}

TEST(ServerSettings, BecomeOptions) {
  config::v1::ServerConfig config;
  SetDefaults("127.0.0.1:7", config);
  config.set_channelz(false);

  const auto options = ToOptions("router", config);

  EXPECT_EQ(options.listen, "127.0.0.1:7");
  EXPECT_EQ(options.name, "router");
  EXPECT_EQ(options.keepalive_time, 60s);
  EXPECT_EQ(options.min_client_ping_interval, 10s);
  EXPECT_EQ(options.max_streams_per_connection, 10'000);
  EXPECT_TRUE(options.reflection);
  EXPECT_FALSE(options.channelz);
}

TEST(Durations, RoundTrip) {
  for (const time::Duration duration : {0ns, 1ns, 999'999'999ns, 90'000'000'001ns})
    EXPECT_EQ(ToDuration(ToProto(duration)), duration);
}

}  // namespace
}  // namespace chasqui::service
