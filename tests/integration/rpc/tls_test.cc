// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/tls.h"

#include <gtest/gtest.h>

namespace chasqui::rpc {
namespace {

TEST(Tls, PlainTextNeedsNoFiles) {
  EXPECT_TRUE(MakeCredentials(ServerTls{}).ok());
  EXPECT_TRUE(MakeCredentials(ClientTls{}).ok());
}

TEST(Tls, AMissingFileIsNamed) {
  const auto made = MakeCredentials(
      ServerTls{.certificate_file = "/no/such/cert.pem", .key_file = "/no/such/key.pem"});

  EXPECT_TRUE(absl::IsNotFound(made.status()));
  EXPECT_NE(made.status().message().find("/no/such/"), std::string::npos);
}

TEST(Tls, HalfAConfigurationIsRefused) {
  EXPECT_TRUE(
      absl::IsInvalidArgument(MakeCredentials(ServerTls{.certificate_file = "x.pem"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      MakeCredentials(ClientTls{.enabled = true, .key_file = "x.pem"}).status()));
}

}  // namespace
}  // namespace chasqui::rpc
