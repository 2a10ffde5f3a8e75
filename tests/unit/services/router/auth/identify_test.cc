// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/identify.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "common/status/status.h"
#include "services/router/auth/access_rules.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

constexpr time::SystemTime kNow{500'000h};

// Keys that a test writes down.
class ListedKeys final : public KeySource {
 public:
  std::shared_ptr<const Grant> FindKey(std::string_view key) const override {
    return Find(keys, key);
  }
  std::shared_ptr<const Grant> FindCertificate(std::string_view identity) const override {
    return Find(certificates, identity);
  }

  std::map<std::string, Grant, std::less<>> keys;
  std::map<std::string, Grant, std::less<>> certificates;

 private:
  static std::shared_ptr<const Grant> Find(const std::map<std::string, Grant, std::less<>>& grants,
                                           std::string_view name) {
    const auto found = grants.find(name);
    return found != grants.end() ? std::make_shared<const Grant>(found->second) : nullptr;
  }
};

class IdentifyTest : public ::testing::Test {
 protected:
  IdentifyTest() {
    keys_.keys["good"] = {.tenant = "a", .key_id = "1"};
    keys_.keys["expired"] = {.tenant = "a", .expires = kNow};
    keys_.keys["lasting"] = {.tenant = "b", .expires = kNow + 1s};
    keys_.keys["off"] = {.tenant = "a", .disabled = true};
    keys_.certificates["known.example"] = {.tenant = "c"};
    keys_.certificates["off.example"] = {.tenant = "c", .disabled = true};
  }

  // The tenant, or the reason why there is none.
  std::string Ask(const Credentials& credentials, const KeySource* keys) const {
    config::v1::Limits defaults;
    defaults.set_requests_per_minute(3);
    const auto grant = Identify(credentials, keys, defaults, kNow);
    if (grant.ok()) return (*grant)->tenant;
    EXPECT_TRUE(absl::IsUnauthenticated(grant.status()));
    return status::ErrorReason(grant.status());
  }
  std::string Ask(std::string_view authorization) const {
    return Ask({.authorization = authorization, .certificate = {}}, &keys_);
  }
  std::string AskWithCertificate(const std::string& identity) const {
    return Ask({.authorization = std::nullopt, .certificate = identity}, &keys_);
  }

  ListedKeys keys_;
};

TEST_F(IdentifyTest, TakesAKeyInTheAuthorization) {
  EXPECT_EQ(Ask("Bearer good"), "a");
  EXPECT_EQ(Ask("bearer good"), "a");
  EXPECT_EQ(Ask("Bearer  good "), "a");
  EXPECT_EQ(Ask("Bearer lasting"), "b");
}

TEST_F(IdentifyTest, SaysWhyAKeyIsNotTaken) {
  EXPECT_EQ(Ask("Bearer bad"), "API_KEY_UNKNOWN");
  EXPECT_EQ(Ask("Bearer "), "API_KEY_UNKNOWN");
  EXPECT_EQ(Ask("Basic good"), "API_KEY_MISSING");
  EXPECT_EQ(Ask("good"), "API_KEY_MISSING");
  EXPECT_EQ(Ask("Bearer expired"), "API_KEY_EXPIRED");
  EXPECT_EQ(Ask("Bearer off"), "API_KEY_DISABLED");
  EXPECT_EQ(Ask({.authorization = std::nullopt, .certificate = {}}, &keys_), "API_KEY_MISSING");
}

TEST_F(IdentifyTest, TakesAVerifiedCertificate) {
  EXPECT_EQ(AskWithCertificate("known.example"), "c");
  EXPECT_EQ(AskWithCertificate("spiffe://chasqui/client"), "spiffe://chasqui/client");
  EXPECT_EQ(AskWithCertificate("off.example"), "CERTIFICATE_DISABLED");
  EXPECT_EQ(AskWithCertificate("{}"), "CERTIFICATE_UNNAMED");
}

TEST_F(IdentifyTest, AWrongKeyIsNotExcusedByACertificate) {
  EXPECT_EQ(Ask({.authorization = "Bearer bad", .certificate = "known.example"}, &keys_),
            "API_KEY_UNKNOWN");
}

TEST_F(IdentifyTest, KnowsNoKeysWithoutASource) {
  EXPECT_EQ(Ask({.authorization = "Bearer good", .certificate = {}}, nullptr), "API_KEY_UNKNOWN");
  EXPECT_EQ(Ask({.authorization = std::nullopt, .certificate = "any.example"}, nullptr),
            "any.example");
}

TEST_F(IdentifyTest, LimitsCertificatesThatNobodyLists) {
  config::v1::Limits defaults;
  defaults.set_requests_per_minute(3);

  const auto grant =
      Identify({.authorization = std::nullopt, .certificate = "any"}, &keys_, defaults, kNow);

  ASSERT_TRUE(grant.ok());
  ASSERT_EQ((*grant)->quotas.size(), 1);
  EXPECT_EQ((*grant)->quotas[0].bucket, "{any}/tenant:any//requests_per_minute");
  EXPECT_TRUE((*grant)->roles.Has(Role::kClient));
  EXPECT_FALSE((*grant)->roles.Has(Role::kWorker));
}

TEST(AccessRules, OpenHealthAndCloseWhatTheyDoNotKnow) {
  EXPECT_EQ(RoleFor("/grpc.health.v1.Health/Check", false), std::nullopt);
  EXPECT_EQ(RoleFor("/chasqui.inference.v1.InferenceService/ListModels", false), Role::kClient);
  EXPECT_EQ(RoleFor("/chasqui.fleet.v1.FleetService/ListWorkers", false), Role::kOperator);
  EXPECT_EQ(RoleFor("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", false),
            Role::kOperator);
  EXPECT_EQ(RoleFor("/grpc.channelz.v1.Channelz/GetServers", false), Role::kOperator);
  EXPECT_EQ(RoleFor("/grpc.health.v1.Healthy/Check", false), Role::kOperator);
  EXPECT_EQ(RoleFor("/new.Service/Method", false), Role::kOperator);
}

TEST(AccessRules, OpenRegistrationOnlyWhenTold) {
  constexpr std::string_view kJoin = "/chasqui.fleet.v1.RegistrationService/Join";
  EXPECT_EQ(RoleFor(kJoin, /*open_registration=*/false), Role::kWorker);
  EXPECT_EQ(RoleFor(kJoin, /*open_registration=*/true), std::nullopt);
}

TEST(AccessRules, KeepToTheRolesMethodsAndModelsOfAGrant) {
  constexpr std::string_view kEmbed = "/chasqui.inference.v1.InferenceService/Embed";
  Grant grant{.roles = Roles().Add(Role::kClient), .methods = {"Embed"}, .models = {"m"}};

  EXPECT_TRUE(CheckMethod(grant, Role::kClient, kEmbed).ok());
  EXPECT_EQ(status::ErrorReason(CheckMethod(grant, Role::kClient,
                                            "/chasqui.inference.v1.InferenceService/Generate")),
            "METHOD_NOT_ALLOWED");
  EXPECT_EQ(status::ErrorReason(CheckMethod(grant, Role::kOperator, "/chasqui.fleet.v1.F/X")),
            "ROLE_NOT_ALLOWED");
  EXPECT_TRUE(CheckModel(grant, "m").ok());
  EXPECT_EQ(status::ErrorReason(CheckModel(grant, "n")), "MODEL_NOT_ALLOWED");
  EXPECT_TRUE(absl::IsPermissionDenied(CheckModel(grant, "n")));
  grant.models.clear();
  EXPECT_TRUE(CheckModel(grant, "n").ok());
}

}  // namespace
}  // namespace chasqui::router
