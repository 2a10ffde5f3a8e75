// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/suite_plan.h"

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

namespace chasqui::cli {
namespace {

using chasqui::config::v1::InferenceWorkerConfig;
using chasqui::config::v1::RouterConfig;
using chasqui::config::v1::SuiteConfig;
using testing::HasSubstr;

// What a process would read back.
template <typename Config>
Config Read(const PlannedProcess& process) {
  Config config;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(process.config, &config).ok());
  return config;
}

SuitePlan Plan(const SuiteSources& sources, uint32_t cores = 8) {
  const absl::StatusOr<SuiteConfig> suite = LoadSuite(sources);
  EXPECT_TRUE(suite.ok()) << suite.status();
  std::vector<uint16_t> ports;
  for (uint16_t i = 0; i < PortsNeeded(*suite); ++i)
    ports.push_back(static_cast<uint16_t>(7000 + i));
  return PlanSuite(*suite, ports, cores);
}

std::string Problems(const SuiteSources& sources) {
  return std::string(LoadSuite(sources).status().message());
}

TEST(SuitePlan, WithoutConfigurationIsARouterAndTwoWorkers) {
  const SuitePlan plan = Plan({});

  EXPECT_EQ(plan.router.address, "127.0.0.1:50051");
  EXPECT_EQ(plan.start_timeout, std::chrono::minutes(2));
  EXPECT_EQ(plan.drain_grace, std::chrono::seconds(25));
  ASSERT_EQ(plan.workers.size(), 2);
  const auto worker = Read<InferenceWorkerConfig>(plan.workers[1]);
  EXPECT_EQ(worker.worker_id(), "worker-1");
  EXPECT_EQ(worker.server().listen_address(), plan.workers[1].address);
  ASSERT_EQ(worker.routers_size(), 1);
  EXPECT_EQ(worker.routers(0), "127.0.0.1:50051");
}

TEST(SuitePlan, HasACacheServiceThatTheRouterKnows) {
  const SuitePlan plan = Plan({.answers_directory = "/somewhere/answers"});

  ASSERT_TRUE(plan.cache.has_value());
  EXPECT_EQ(plan.cache->program, "chasqui-cache");
  EXPECT_EQ(Read<chasqui::config::v1::RouterConfig>(plan.router).answers().cache(),
            plan.cache->address);
  const auto cache = Read<chasqui::config::v1::CacheConfig>(*plan.cache);
  EXPECT_EQ(cache.server().listen_address(), plan.cache->address);
  EXPECT_EQ(cache.warming().router(), plan.router.address);
  EXPECT_EQ(cache.disk().path(), "/somewhere/answers");
}

TEST(SuitePlan, CanDoWithoutACache) {
  const SuitePlan plan = Plan({.overrides = {"with_cache=false"}});

  EXPECT_FALSE(plan.cache.has_value());
  EXPECT_EQ(Read<chasqui::config::v1::RouterConfig>(plan.router).answers().cache(), "");
}

TEST(SuitePlan, SharesTheCoresAmongWorkersWhoseThreadsAreNotConfigured) {
  EXPECT_EQ(Read<InferenceWorkerConfig>(Plan({.workers = 4}).workers[0]).engine().threads(), 2);
  EXPECT_EQ(Read<InferenceWorkerConfig>(Plan({.workers = 4}, 2).workers[0]).engine().threads(), 1);
  EXPECT_EQ(Read<InferenceWorkerConfig>(
                Plan({.overrides = {"worker.engine.threads=3"}, .workers = 4}).workers[0])
                .engine()
                .threads(),
            3);
}

TEST(SuitePlan, GivesEveryProcessPortsOfItsOwn) {
  const SuitePlan plan = Plan({.port = 0, .workers = 1});

  const std::set<std::string> addresses = {plan.router.address,     plan.router.metrics,
                                           plan.workers[0].address, plan.workers[0].metrics,
                                           plan.cache->address,     plan.cache->metrics};
  EXPECT_EQ(addresses.size(), 6);
  EXPECT_EQ(*addresses.begin(), "127.0.0.1:7000");
  EXPECT_EQ(*addresses.rbegin(), "127.0.0.1:7005");
}

TEST(SuitePlan, ReachesARouterThatListensEverywhereOnThisMachine) {
  const SuitePlan plan = Plan({.overrides = {"router.server.listen_address=0.0.0.0:4000"}});

  EXPECT_EQ(plan.router.address, "127.0.0.1:4000");
  EXPECT_EQ(Read<RouterConfig>(plan.router).server().listen_address(), "0.0.0.0:4000");
  EXPECT_EQ(Read<InferenceWorkerConfig>(plan.workers[0]).routers(0), "127.0.0.1:4000");
}

TEST(SuitePlan, KeepsWhatIsConfiguredAndSaysNothingOfDefaults) {
  const SuitePlan plan = Plan({.overrides = {"router.queue.max_requests=0"}});

  EXPECT_TRUE(Read<RouterConfig>(plan.router).queue().has_max_requests());
  EXPECT_THAT(plan.router.config, testing::Not(HasSubstr("loops")));
}

TEST(LoadSuite, LetsFlagsWinOverFileAndEnvironment) {
  const std::string file = testing::TempDir() + "/suite.yaml";
  std::ofstream(file) << "workers: 3\nrouter: {queue: {max_requests: 7}}\n";

  const absl::StatusOr<SuiteConfig> suite =
      LoadSuite({.file = file,
                 .environment = {{"CHASQUI_SUITE_ROUTER_QUEUE_MAX_REQUESTS", "8"}},
                 .workers = 5});

  ASSERT_TRUE(suite.ok()) << suite.status();
  EXPECT_EQ(suite->workers(), 5);
  EXPECT_EQ(suite->router().queue().max_requests(), 8);
}

TEST(LoadSuite, TellsAllProblemsAtOnce) {
  const std::string problems =
      Problems({.overrides = {"start_timeout=0s"}, .workers = 65, .model = "/no/such.gguf"});

  EXPECT_THAT(problems, HasSubstr("start_timeout"));
  EXPECT_THAT(problems, HasSubstr("workers"));
  EXPECT_THAT(problems, HasSubstr("/no/such.gguf"));
}

TEST(LoadSuite, RefusesAddressesWithoutAPortAndTls) {
  EXPECT_THAT(Problems({.overrides = {"router.server.listen_address=localhost"}}),
              HasSubstr("listen_address"));
  EXPECT_THAT(Problems({.overrides = {"router.server.tls.certificate_file=x"}}),
              HasSubstr("plain text"));
}

}  // namespace
}  // namespace chasqui::cli
