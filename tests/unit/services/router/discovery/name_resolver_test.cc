// SPDX-License-Identifier: Apache-2.0
#include "services/router/discovery/name_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"

namespace chasqui::router {
namespace {

using ::absl_testing::IsOkAndHolds;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;

TEST(ParseDnsName, TakesANameAndAPort) {
  const DnsName workers{.host = "workers.headless", .port = "50052"};
  EXPECT_EQ(ParseDnsName("dns:///workers.headless:50052"), workers);
  EXPECT_EQ(ParseDnsName("workers.headless:50052"), workers);
  for (const char* wrong : {"", "workers", "workers:0", "workers:99999", "dns:///", ":50052",
                            "dns://10.0.0.1/workers:1", "unix:/x:1", "[::1]:50052"}) {
    EXPECT_EQ(ParseDnsName(wrong), std::nullopt) << wrong;
  }
}

TEST(SystemResolver, FindsThisMachine) {
  const auto resolver = MakeSystemResolver();

  EXPECT_THAT(resolver->Resolve({.host = "localhost", .port = "50052"}),
              IsOkAndHolds(Contains(AnyOf("127.0.0.1:50052", "[::1]:50052"))));
  EXPECT_THAT(resolver->Resolve({.host = "127.0.0.1", .port = "7"}),
              IsOkAndHolds(ElementsAre("127.0.0.1:7")));
}

}  // namespace
}  // namespace chasqui::router
