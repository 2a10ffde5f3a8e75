// SPDX-License-Identifier: Apache-2.0
#include "services/router/router_config.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/service/settings.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(RouterConfig, IsValidByDefault) { EXPECT_THAT(Validate(DefaultConfig()), IsEmpty()); }

TEST(RouterConfig, TellsEveryProblemAtOnce) {
  config::v1::RouterConfig config = DefaultConfig();
  config.set_router_id("a router");
  config.mutable_queue()->set_max_requests(2'000'000);
  config.mutable_queue()->mutable_max_wait()->Clear();
  config.mutable_upstream()->set_max_attempts(0);
  config.mutable_upstream()->set_max_buffered_events(0);
  config.mutable_membership()->set_max_workers(0);
  config.mutable_server()->set_loops(0);
  auto& affinity = *config.mutable_balancing()->mutable_prefix_affinity();
  affinity.set_load_margin_percent(101);
  affinity.set_block_bytes(8);
  affinity.set_table_entries(2'000'000);
  config.mutable_upstream()->set_retry_budget_percent(101);
  *config.mutable_balancing()->mutable_slow_start() = service::ToProto(2h);
  auto& breaker = *config.mutable_balancing()->mutable_circuit_breaker();
  breaker.set_failures(1001);
  breaker.mutable_base_ejection()->Clear();
  *breaker.mutable_max_ejection() = service::ToProto(25h);
  breaker.set_max_ejected_percent(101);

  const auto problems = Validate(config);

  EXPECT_THAT(problems, SizeIs(16));
  for (const char* path :
       {"router_id", "queue.max_requests", "queue.max_wait", "upstream.max_attempts",
        "upstream.max_buffered_events", "membership.max_workers", "server.loops",
        "balancing.prefix_affinity.load_margin_percent", "balancing.prefix_affinity.block_bytes",
        "balancing.prefix_affinity.table_entries", "upstream.retry_budget_percent",
        "balancing.slow_start", "balancing.circuit_breaker.failures",
        "balancing.circuit_breaker.base_ejection", "balancing.circuit_breaker.max_ejection",
        "balancing.circuit_breaker.max_ejected_percent"}) {
    EXPECT_THAT(problems, Contains(StartsWith(path)));
  }
}

TEST(RouterConfig, ChecksWhereWorkersAreFound) {
  config::v1::RouterConfig config = DefaultConfig();
  auto& membership = *config.mutable_membership();
  membership.add_static_workers("10.0.0.7:50052");
  membership.add_static_workers("0.0.0.0:50052");
  membership.add_dns("dns:///workers.headless:50052");
  membership.add_dns("workers.headless:50052");
  membership.add_dns("dns:///workers.headless");
  membership.mutable_dns_interval()->Clear();

  EXPECT_THAT(Validate(config), ElementsAre(StartsWith("membership.dns_interval"),
                                            StartsWith("membership.static_workers[1]"),
                                            StartsWith("membership.dns[2]")));
}

TEST(RouterConfig, ChecksFallbacks) {
  config::v1::RouterConfig config = DefaultConfig();
  for (const char* model : {"a", "a", "no name"}) {
    auto& fallback = *config.mutable_models()->add_fallbacks();
    fallback.set_model(model);
    fallback.add_instead("b");
  }
  config.mutable_models()->mutable_fallbacks(0)->clear_instead();
  config.mutable_models()->mutable_fallbacks(1)->add_instead("also none");

  EXPECT_THAT(Validate(config), ElementsAre(StartsWith("models.fallbacks[0].instead"),
                                            StartsWith("models.fallbacks[1].model"),
                                            StartsWith("models.fallbacks[1].instead"),
                                            StartsWith("models.fallbacks[2].model")));
}

TEST(RouterConfig, NeedsALongestEjectionThatIsNoShorterThanTheFirst) {
  config::v1::RouterConfig config = DefaultConfig();
  auto& breaker = *config.mutable_balancing()->mutable_circuit_breaker();
  *breaker.mutable_base_ejection() = service::ToProto(6min);

  EXPECT_THAT(Validate(config), ElementsAre(StartsWith("balancing.circuit_breaker.max_ejection")));
}

}  // namespace
}  // namespace chasqui::router
