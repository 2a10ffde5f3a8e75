// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/limiter.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/status.h"
#include "google/rpc/error_details.pb.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run_on.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class LimiterTest : public ::testing::Test {
 protected:
  static config::v1::LimitsConfig Config() {
    config::v1::LimitsConfig config;
    config.set_assumed_answer_tokens(100);
    return config;
  }

  // The quotas of tenant "a", and those of its key.
  static Quotas With(const config::v1::Limits& tenant, const config::v1::Limits& key = {},
                     const config::v1::Limits& embed = {}) {
    Quotas quotas;
    AddQuotas("a", "tenant:a", "", tenant, quotas);
    AddQuotas("a", "tenant:a", "Embed", embed, quotas);
    AddQuotas("a", "key:1", "", key, quotas);
    return quotas;
  }

  absl::StatusOr<Charge> Admit(const Quotas& quotas, TokenEstimate tokens = {},
                               std::string_view method = "Generate") {
    return testing::RunOn(loop_, [&] {
      return limiter_.Admit(loop_, quotas, {.tenant = "a", .method = method, .tokens = tokens});
    });
  }
  absl::Status Refusal(const Quotas& quotas, TokenEstimate tokens = {},
                       std::string_view method = "Generate") {
    return Admit(quotas, tokens, method).status();
  }

  testing::FakeClock clock_;
  observability::Metrics metrics_{"test"};
  Limiter limiter_{Config(), metrics_, observability::Logger(), clock_};
  rpc::Loop loop_{"test"};
};

TEST_F(LimiterTest, LimitsRequestsAMinute) {
  config::v1::Limits limits;
  limits.set_requests_per_minute(2);
  const Quotas quotas = With(limits);
  EXPECT_TRUE(Admit(quotas).ok());
  EXPECT_TRUE(Admit(quotas).ok());
  clock_.Advance(10s);

  const absl::Status refused = Refusal(quotas);

  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_EQ(status::ErrorReason(refused), "QUOTA_EXCEEDED");
  EXPECT_EQ(status::RetryDelay(refused), 20s);
  google::rpc::QuotaFailure failure;
  ASSERT_TRUE(status::GetDetail(refused, failure));
  EXPECT_EQ(failure.violations(0).subject(), "tenant:a");
  EXPECT_THAT(failure.violations(0).description(), HasSubstr("requests_per_minute"));
  EXPECT_THAT(
      metrics_.Text(),
      HasSubstr("chasqui_router_limited_total{limit=\"requests_per_minute\",tenant=\"a\"} 1"));
  clock_.Advance(20s);
  EXPECT_TRUE(Admit(quotas).ok());
}

TEST_F(LimiterTest, RoundsTheTimeToComeBackUp) {
  config::v1::Limits limits;
  limits.set_requests_per_minute(7);
  const Quotas quotas = With(limits);
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(Admit(quotas).ok());

  const auto delay = status::RetryDelay(Refusal(quotas));

  ASSERT_EQ(delay, 8572ms);
  clock_.Advance(*delay);
  EXPECT_TRUE(Admit(quotas).ok());
}

TEST_F(LimiterTest, KeepsTheKeysLimitBesideTheTenants) {
  config::v1::Limits tenant;
  tenant.set_requests_per_hour(10);
  config::v1::Limits key;
  key.set_requests_per_minute(1);
  const Quotas quotas = With(tenant, key);
  EXPECT_TRUE(Admit(quotas).ok());

  for (int i = 0; i < 20; ++i) EXPECT_THAT(Refusal(quotas).message(), HasSubstr("key:1"));

  // Those refusals took nothing of the tenant's hour.
  const Quotas of_another_key = With(tenant);
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(Admit(of_another_key).ok());
  EXPECT_THAT(Refusal(of_another_key).message(), HasSubstr("tenant:a"));
}

TEST_F(LimiterTest, LimitsAMethodAlone) {
  config::v1::Limits embed;
  embed.set_requests_per_minute(1);
  const Quotas quotas = With({}, {}, embed);
  EXPECT_TRUE(Admit(quotas, {}, "Embed").ok());

  EXPECT_THAT(Refusal(quotas, {}, "Embed").message(), HasSubstr("for Embed"));
  EXPECT_TRUE(Admit(quotas, {}, "Generate").ok());
}

TEST_F(LimiterTest, ChargesTheEstimateUntilTheRealNumberIsKnown) {
  config::v1::Limits limits;
  limits.set_tokens_per_minute(1000);
  const Quotas quotas = With(limits);
  {
    absl::StatusOr<Charge> charge = Admit(quotas, {.prompt = 400, .answer = 600});
    ASSERT_TRUE(charge.ok());
    EXPECT_TRUE(charge->counts_tokens());
    EXPECT_TRUE(absl::IsResourceExhausted(Refusal(quotas, {.prompt = 1})));
    charge->SetUsed(300);
  }

  EXPECT_TRUE(Admit(quotas, {.prompt = 700}).ok());
}

TEST_F(LimiterTest, GivesAllTokensBackWhereNoneWereUsed) {
  config::v1::Limits limits;
  limits.set_tokens_per_minute(1000);
  const Quotas quotas = With(limits);

  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Admit(quotas, {.prompt = 1000}).ok());
}

TEST_F(LimiterTest, LeavesTheEstimateWhereNobodyKnows) {
  config::v1::Limits limits;
  limits.set_tokens_per_minute(1000);
  const Quotas quotas = With(limits);
  Admit(quotas, {.prompt = 1000})->SetUsed(std::nullopt);

  EXPECT_TRUE(absl::IsResourceExhausted(Refusal(quotas, {.prompt = 1})));
}

TEST_F(LimiterTest, AssumesALengthForAnswersWithoutOne) {
  EXPECT_EQ(limiter_.ChargedTokens({.prompt = 5, .answer = 0, .open_answers = 2}), 205);
  EXPECT_EQ(limiter_.ChargedTokens({.prompt = 5, .answer = 7, .open_answers = 0}), 12);
}

TEST_F(LimiterTest, LimitsWhatIsUnderWay) {
  config::v1::Limits limits;
  limits.set_concurrent_requests(2);
  limits.set_requests_per_minute(3);
  const Quotas quotas = With(limits);
  std::optional<absl::StatusOr<Charge>> one(Admit(quotas));
  const absl::StatusOr<Charge> other = Admit(quotas);
  ASSERT_TRUE(one->ok() && other.ok());

  const absl::Status refused = Refusal(quotas);

  EXPECT_THAT(refused.message(), HasSubstr("concurrent_requests"));
  EXPECT_EQ(status::RetryDelay(refused), 1s);
  one.reset();
  // And the refused one took nothing of the minute.
  EXPECT_TRUE(Admit(quotas).ok());
}

TEST_F(LimiterTest, ARefusalByARateLeavesNoPlaceTaken) {
  config::v1::Limits limits;
  limits.set_concurrent_requests(1);
  limits.set_requests_per_minute(1);
  const Quotas quotas = With(limits);
  EXPECT_TRUE(Admit(quotas).ok());
  EXPECT_THAT(Refusal(quotas).message(), HasSubstr("requests_per_minute"));
  clock_.Advance(1min);

  EXPECT_TRUE(Admit(quotas).ok());
}

}  // namespace
}  // namespace chasqui::router
