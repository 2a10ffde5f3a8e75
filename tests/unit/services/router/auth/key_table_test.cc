// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/key_table.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

using config::v1::KeyFile;
using config::v1::Limits;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const char kHash[] = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

KeyFile File(const std::string& text) {
  KeyFile file;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &file)) << text;
  return file;
}

std::string Entry(const std::string& fields) {
  return "keys { id: '0123456789ab' hashed_api_key: '" + std::string(kHash) + "' tenant: 'a' " +
         fields + "}";
}

std::vector<std::string> Problems(const KeyFile& file) {
  config::Problems problems;
  KeyTable(file, Limits(), problems);
  return std::move(problems).Take();
}

Grant GrantOf(const KeyFile& file, const Limits& defaults = {}) {
  config::Problems problems;
  const KeyTable table(file, defaults, problems);
  EXPECT_TRUE(problems.empty());
  return *table.FindKey("0123456789ab")->grant;
}

std::vector<std::string> Buckets(const Grant& grant) {
  std::vector<std::string> buckets;
  for (const Quota& quota : grant.quotas) buckets.push_back(quota.bucket);
  return buckets;
}

TEST(KeyTable, LetsAKeyAskModelsUnlessItSaysOtherwise) {
  const Grant grant = GrantOf(File(Entry("")));

  EXPECT_EQ(grant.tenant, "a");
  EXPECT_EQ(grant.key_id, "0123456789ab");
  EXPECT_TRUE(grant.roles.Has(Role::kClient));
  EXPECT_FALSE(grant.roles.Has(Role::kOperator));
  EXPECT_FALSE(grant.roles.Has(Role::kWorker));
  EXPECT_FALSE(grant.expires.has_value());
}

TEST(KeyTable, RolesReplaceTheDefault) {
  const Grant grant = GrantOf(File(Entry("roles: CALLER_ROLE_WORKER")));

  EXPECT_FALSE(grant.roles.Has(Role::kClient));
  EXPECT_TRUE(grant.roles.Has(Role::kWorker));
}

TEST(KeyTable, FindsCertificatesByTheirIdentity) {
  config::Problems problems;
  const KeyTable table(
      File("certificates { identity: 'spiffe://x/worker' roles: CALLER_ROLE_WORKER }"
           "certificates { identity: 'b.example' tenant: 'b' }"),
      Limits(), problems);

  ASSERT_TRUE(problems.empty());
  EXPECT_EQ(table.FindCertificate("spiffe://x/worker")->tenant, "spiffe://x/worker");
  EXPECT_EQ(table.FindCertificate("b.example")->tenant, "b");
  EXPECT_EQ(table.FindCertificate("c.example"), nullptr);
  EXPECT_EQ(table.FindKey("0123456789ab"), nullptr);
}

TEST(KeyTable, AddsTheTenantsQuotasToTheKeysOwn) {
  const Grant grant =
      GrantOf(File("tenants { name: 'a' limits { requests_per_minute: 5 }"
                   "  method_limits { key: 'Embed' value { tokens_per_hour: 7 } } }" +
                   Entry("limits { concurrent_requests: 2 }"
                         "method_limits { key: 'Generate' value { requests_per_hour: 1 } }")));

  EXPECT_THAT(Buckets(grant),
              ElementsAre("{a}/tenant:a//requests_per_minute", "{a}/tenant:a/Embed/tokens_per_hour",
                          "{a}/key:0123456789ab//concurrent_requests",
                          "{a}/key:0123456789ab/Generate/requests_per_hour"));
}

TEST(KeyTable, GivesDefaultsToTenantsWithoutLimits) {
  Limits defaults;
  defaults.set_requests_per_minute(9);

  EXPECT_THAT(Buckets(GrantOf(File(Entry("")), defaults)),
              ElementsAre("{a}/tenant:a//requests_per_minute"));
  EXPECT_THAT(Buckets(GrantOf(File("tenants { name: 'a' limits {} }" + Entry("")), defaults)),
              IsEmpty());
}

TEST(KeyTable, TellsEveryProblemAndNoHash) {
  const auto problems = Problems(
      File("tenants { name: 'a{b' limits { requests_per_minute: 200000000 } }"
           "tenants { name: 'x' } tenants { name: 'x' }"
           "keys { id: 'ABC' hashed_api_key: 'sha256:12345678' tenant: '' methods: 'Generte'"
           "  expire_time: 'tomorrow' method_limits { key: 'Embd' value {} } }" +
           Entry("") + Entry("")));

  EXPECT_THAT(problems,
              ElementsAre(StartsWith("tenants[0].name: "),
                          StartsWith("tenants[0].limits.requests_per_minute: "),
                          StartsWith("tenants[2].name: "), StartsWith("keys[0].tenant: "),
                          StartsWith("keys[0].methods: "), StartsWith("keys[0].method_limits.Embd"),
                          StartsWith("keys[0].id: "), StartsWith("keys[0].hashed_api_key: "),
                          StartsWith("keys[0].expire_time: "), StartsWith("keys[2].id: ")));
  EXPECT_THAT(problems, Each(Not(AllOf(HasSubstr("12345678"), HasSubstr("ba7816bf")))));
}

}  // namespace
}  // namespace chasqui::router
