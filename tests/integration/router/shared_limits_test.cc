// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/router/limits/limiter.h"
#include "tests/integration/router/keys_fixture.h"
#include "tests/support/redis_server.h"
#include "tests/support/run_on.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::WaitUntil;

// What one router has of limits: a limiter, a loop, metrics and a log.
class Peer {
 public:
  explicit Peer(const config::v1::LimitsConfig& config)
      : limiter_(config, metrics_,
                 observability::Logger({.service = "test",
                                        .write =
                                            [this](std::string_view line) {
                                              absl::MutexLock lock(mutex_);
                                              log_ += line;
                                            }}),
                 time::RealClock()) {}
  ~Peer() {
    loop_.Stop();
    limiter_.Stop();
  }

  absl::StatusOr<Charge> Admit(const Quotas& quotas, std::uint64_t tokens = 0) {
    return testing::RunOn(loop_, [&] {
      return limiter_.Admit(loop_, quotas,
                            {.tenant = "a", .method = "Generate", .tokens = {.prompt = tokens}});
    });
  }
  bool Allows(const Quotas& quotas, std::uint64_t tokens = 0) { return Admit(quotas, tokens).ok(); }

  bool WaitUntilShared(bool shared) {
    return WaitUntil([&] { return Metric("chasqui_router_limits_shared") == (shared ? 1 : 0); });
  }
  double Metric(const std::string& name) const {
    const std::string text = metrics_.Text();
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  double fallbacks() const { return Metric("chasqui_router_limits_fallbacks_total"); }
  std::string log() {
    absl::MutexLock lock(mutex_);
    return log_;
  }
  int Warnings() {
    const std::string text = log();
    int count = 0;
    for (std::size_t at = 0; (at = text.find("Redis is away", at)) != std::string::npos; ++at) {
      ++count;
    }
    return count;
  }

 private:
  absl::Mutex mutex_;
  std::string log_;
  observability::Metrics metrics_{"test"};
  Limiter limiter_;
  rpc::Loop loop_{"test"};
};

class SharedLimitsTest : public ::testing::Test {
 protected:
  static config::v1::LimitsConfig ConfigFor(const testing::RedisServer& redis) {
    config::v1::LimitsConfig config;
    config.set_assumed_answer_tokens(1);
    config.mutable_redis()->set_address(redis.address());
    config.mutable_redis()->set_key_prefix("test:");
    // Long, so that a slow machine decides nothing; tests of a slow Redis set their own.
    *config.mutable_redis()->mutable_timeout() = service::ToProto(10s);
    return config;
  }

  static Quotas Of(const config::v1::Limits& limits, const std::string& subject = "tenant:a") {
    Quotas quotas;
    AddQuotas("a", subject, "", limits, quotas);
    return quotas;
  }
  static Quotas RequestsAnHour(std::uint64_t requests) {
    config::v1::Limits limits;
    limits.set_requests_per_hour(requests);
    return Of(limits);
  }

  testing::RedisServer redis_;
  Peer one_{ConfigFor(redis_)};
  Peer other_{ConfigFor(redis_)};
};

TEST_F(SharedLimitsTest, AreOneQuotaForAllRouters) {
  ASSERT_TRUE(one_.WaitUntilShared(true) && other_.WaitUntilShared(true));
  const Quotas quotas = RequestsAnHour(5);

  int allowed = 0;
  for (int i = 0; i < 10; ++i) allowed += (i % 2 == 0 ? one_ : other_).Allows(quotas) ? 1 : 0;

  EXPECT_EQ(allowed, 5);
  EXPECT_EQ(one_.fallbacks() + other_.fallbacks(), 0);
  const auto delay = status::RetryDelay(one_.Admit(quotas).status());
  ASSERT_TRUE(delay.has_value());
  EXPECT_LE(*delay, 12min);
  EXPECT_GT(*delay, 11min);
}

TEST_F(SharedLimitsTest, TakeAllOfARequestsQuotasOrNone) {
  ASSERT_TRUE(one_.WaitUntilShared(true));
  Quotas both = RequestsAnHour(10);
  config::v1::Limits key;
  key.set_requests_per_minute(1);
  AddQuotas("a", "key:1", "", key, both);
  EXPECT_TRUE(one_.Allows(both));

  for (int i = 0; i < 20; ++i) EXPECT_FALSE(one_.Allows(both));

  for (int i = 0; i < 9; ++i) EXPECT_TRUE(one_.Allows(RequestsAnHour(10)));
  EXPECT_FALSE(one_.Allows(RequestsAnHour(10)));
}

TEST_F(SharedLimitsTest, SettleTokensThatWereNotUsed) {
  ASSERT_TRUE(one_.WaitUntilShared(true) && other_.WaitUntilShared(true));
  config::v1::Limits limits;
  limits.set_tokens_per_hour(1000);
  const Quotas quotas = Of(limits);
  std::optional<absl::StatusOr<Charge>> charge(one_.Admit(quotas, 1000));
  ASSERT_TRUE(charge->ok());
  ASSERT_FALSE(other_.Allows(quotas, 700));
  (*charge)->SetUsed(290);

  charge.reset();

  EXPECT_TRUE(WaitUntil([&] {
    absl::StatusOr<Charge> allowed = other_.Admit(quotas, 700);
    if (allowed.ok()) allowed->SetUsed(std::nullopt);
    return allowed.ok();
  }));
  EXPECT_FALSE(one_.Allows(quotas, 100));
}

TEST_F(SharedLimitsTest, ChargeWhatWasUsedBeyondTheEstimate) {
  ASSERT_TRUE(one_.WaitUntilShared(true) && other_.WaitUntilShared(true));
  config::v1::Limits limits;
  limits.set_tokens_per_hour(1000);
  const Quotas quotas = Of(limits);
  one_.Admit(quotas, 10)->SetUsed(2000);

  // Of 2000, all but 1000 must come back before there is room for 1000 more.
  ASSERT_TRUE(WaitUntil([&] { return !other_.Allows(quotas, 1); }));
  const auto delay = status::RetryDelay(other_.Admit(quotas, 1000).status());
  EXPECT_GT(delay, 110min);
  EXPECT_LE(delay, 120min);
}

TEST_F(SharedLimitsTest, CountPlacesHereAndLeaveThemWhenRedisRefuses) {
  ASSERT_TRUE(one_.WaitUntilShared(true));
  config::v1::Limits limits;
  limits.set_concurrent_requests(1);
  limits.set_requests_per_hour(1);
  const Quotas quotas = Of(limits);
  {
    const auto running = one_.Admit(quotas);
    ASSERT_TRUE(running.ok());
    EXPECT_THAT(one_.Admit(quotas).status().message(), HasSubstr("concurrent_requests"));
  }

  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(one_.Admit(quotas).status().message(), HasSubstr("requests_per_hour"));
  }
}

TEST_F(SharedLimitsTest, AreEachRoutersOwnWhileRedisIsAwayAndSharedWhenItIsBack) {
  ASSERT_TRUE(one_.WaitUntilShared(true) && other_.WaitUntilShared(true));
  const Quotas quotas = RequestsAnHour(2);
  ASSERT_TRUE(one_.Allows(quotas) && other_.Allows(quotas));
  ASSERT_FALSE(one_.Allows(quotas));

  redis_.Kill();
  ASSERT_TRUE(one_.WaitUntilShared(false) && other_.WaitUntilShared(false));
  for (Peer* peer : {&one_, &other_}) {
    EXPECT_TRUE(peer->Allows(quotas));
    EXPECT_TRUE(peer->Allows(quotas));
    EXPECT_FALSE(peer->Allows(quotas));
    EXPECT_EQ(peer->fallbacks(), 3);
    EXPECT_TRUE(WaitUntil([&] { return peer->Warnings() == 1; }));
  }

  redis_.Start();
  ASSERT_TRUE(one_.WaitUntilShared(true) && other_.WaitUntilShared(true));
  // It knows nothing of before, and is asked again.
  EXPECT_TRUE(one_.Allows(quotas) && other_.Allows(quotas));
  EXPECT_FALSE(one_.Allows(quotas));
  EXPECT_EQ(one_.fallbacks(), 3);
  EXPECT_EQ(one_.Warnings(), 1);
}

TEST_F(SharedLimitsTest, SettleNothingInARedisThatCameBackEmpty) {
  ASSERT_TRUE(one_.WaitUntilShared(true));
  config::v1::Limits limits;
  limits.set_tokens_per_hour(1000);
  const Quotas quotas = Of(limits);
  std::optional<absl::StatusOr<Charge>> before(one_.Admit(quotas, 1000));
  redis_.Kill();
  ASSERT_TRUE(one_.WaitUntilShared(false));
  redis_.Start();
  ASSERT_TRUE(one_.WaitUntilShared(true));

  before.reset();  // nothing used: there is nothing to give back

  absl::StatusOr<Charge> after = one_.Admit(quotas, 1000);
  ASSERT_TRUE(after.ok());
  EXPECT_FALSE(one_.Allows(quotas, 1));
}

TEST_F(SharedLimitsTest, WaitNoLongerThanTheyMayForARedisThatHangs) {
  config::v1::LimitsConfig config = ConfigFor(redis_);
  *config.mutable_redis()->mutable_timeout() = service::ToProto(30ms);
  Peer hasty(config);
  ASSERT_TRUE(hasty.WaitUntilShared(true));
  const Quotas quotas = RequestsAnHour(100);
  ASSERT_TRUE(hasty.Allows(quotas));
  const double fallbacks = hasty.fallbacks();

  redis_.Hang();
  for (int i = 1; i <= 50; ++i) {
    EXPECT_TRUE(hasty.Allows(quotas));
    EXPECT_EQ(hasty.fallbacks(), fallbacks + i);
  }
  EXPECT_TRUE(hasty.WaitUntilShared(false));

  redis_.Resume();
  EXPECT_TRUE(hasty.WaitUntilShared(true));
}

TEST_F(SharedLimitsTest, LoadTheirScriptAgainWhenItWasFlushed) {
  // Both: a router that connects after the flush would load the script for the other.
  ASSERT_TRUE(one_.WaitUntilShared(true) && other_.WaitUntilShared(true));
  const Quotas quotas = RequestsAnHour(1000);
  ASSERT_EQ(redis_.Ask("SCRIPT FLUSH"), "+OK\r\n");

  EXPECT_TRUE(WaitUntil([&] {
    const double before = one_.fallbacks();
    return one_.Allows(quotas) && one_.fallbacks() == before;
  }));
  EXPECT_GE(one_.fallbacks(), 1);
}

TEST_F(SharedLimitsTest, KeepNoBucketLongerThanItMatters) {
  ASSERT_TRUE(one_.WaitUntilShared(true));
  config::v1::Limits limits;
  limits.set_requests_per_minute(10);
  ASSERT_TRUE(one_.Allows(Of(limits)));

  const std::string ttl = redis_.Ask("PTTL test:limits:{a}/tenant:a//requests_per_minute");

  ASSERT_TRUE(ttl.starts_with(":")) << ttl;
  EXPECT_GT(std::stoi(ttl.substr(1)), 30'000);
  EXPECT_LE(std::stoi(ttl.substr(1)), 60'000);
}

TEST(SharedLimitsPassword, OpensAndIsNeverLogged) {
  testing::RedisServer redis("open-sesame");
  config::v1::LimitsConfig config;
  config.mutable_redis()->set_address(redis.address());
  *config.mutable_redis()->mutable_timeout() = service::ToProto(10s);
  config.mutable_redis()->set_password("wrong-word");
  Peer wrong(config);
  config.mutable_redis()->set_password("open-sesame");
  Peer right(config);

  EXPECT_TRUE(right.WaitUntilShared(true));
  EXPECT_TRUE(WaitUntil([&] { return wrong.Warnings() == 1; }));
  EXPECT_EQ(wrong.Metric("chasqui_router_limits_shared"), 0);
  EXPECT_THAT(wrong.log(), Not(HasSubstr("wrong-word")));
  EXPECT_THAT(right.log(), Not(HasSubstr("open-sesame")));
}

TEST(SharedLimitsDestruction, EndsWhileRedisHangsWithRequestsUnderWay) {
  testing::RedisServer redis;
  config::v1::LimitsConfig config;
  config.set_assumed_answer_tokens(1);
  config.mutable_redis()->set_address(redis.address());
  *config.mutable_redis()->mutable_timeout() = service::ToProto(10s);
  observability::Metrics metrics("test");
  Limiter limiter(config, metrics, observability::Logger(), time::RealClock());
  ASSERT_TRUE(WaitUntil([&] {
    return metrics.Text().find("\nchasqui_router_limits_shared 1") != std::string::npos;
  }));
  config::v1::Limits limits;
  limits.set_requests_per_minute(1);
  Quotas quotas;
  AddQuotas("a", "tenant:a", "", limits, quotas);
  redis.Hang();

  rpc::Loop loop("test");
  std::atomic<bool> asked = false;
  const auto ask = [&]() -> rpc::Task<void> {
    asked = true;
    const auto charge =
        co_await limiter.Admit(loop, quotas, {.tenant = "a", .method = "Generate", .tokens = {}});
    ADD_FAILURE() << "Redis hangs: " << charge.status();
  };
  ASSERT_TRUE(loop.Spawn(ask()));
  ASSERT_TRUE(WaitUntil([&] { return asked.load(); }));
  loop.Stop();
  limiter.Stop();
}

// Two whole routers and real clients.
class SharedRouterLimits : public KeysFixture {};

TEST_F(SharedRouterLimits, HoldOverTwoRouters) {
  testing::RedisServer redis;
  WriteKeys(UsualKeys("tenant: team-a, limits: {requests_per_hour: 3}"));
  Config config = WithKeys(TestConfig());
  config.mutable_limits()->mutable_redis()->set_address(redis.address());
  *config.mutable_limits()->mutable_redis()->mutable_timeout() = service::ToProto(10s);
  StartRouter(config);
  observability::Metrics other_metrics("router");
  RouterServer other(config, other_metrics, observability::Logger());
  ASSERT_TRUE(other.Start().ok());
  const auto other_channel =
      grpc::CreateChannel(other.local_address(), grpc::InsecureChannelCredentials());
  const auto worker = JoinWorker({.id = "w1", .slots = 8, .api_key = worker_.key});
  testing::FakeWorker other_worker({.id = "w2", .slots = 8, .api_key = worker_.key});
  ASSERT_TRUE(other_worker.Join(other.local_address()));
  ASSERT_TRUE(WaitUntil([&] {
    return Metric("chasqui_router_limits_shared") == 1 &&
           other_metrics.Text().find("\nchasqui_router_limits_shared 1") != std::string::npos;
  }));

  int served = 0;
  int refused = 0;
  for (int i = 0; i < 6; ++i) {
    const bool here = i % 2 == 0;
    testing::ClientStream client(here ? channel_ : other_channel, testing::Prompt("hello"),
                                 {.metadata = Bearer(client_.key)});
    if (served < 3) {
      (here ? *worker : other_worker).NextCall()->Answer({"a"});
    }
    const grpc::Status status = client.Wait();
    (status.ok() ? served : refused) += 1;
    EXPECT_EQ(Reason(status), status.ok() ? "" : "QUOTA_EXCEEDED");
  }

  EXPECT_EQ(served, 3);
  EXPECT_EQ(refused, 3);
}

}  // namespace
}  // namespace chasqui::router
