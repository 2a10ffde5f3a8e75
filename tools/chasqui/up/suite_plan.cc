// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/suite_plan.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include "absl/log/check.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "common/config/load.h"
#include "common/config/problems.h"

namespace chasqui::cli {
namespace {

using chasqui::config::v1::CacheConfig;
using chasqui::config::v1::InferenceWorkerConfig;
using chasqui::config::v1::RouterConfig;
using chasqui::config::v1::ServerConfig;
using chasqui::config::v1::SuiteConfig;
using google::protobuf::util::TimeUtil;

constexpr uint32_t kDefaultWorkers = 2;
constexpr uint32_t kMostWorkers = 64;
constexpr absl::string_view kDefaultRouter = "127.0.0.1:50051";

// "host:port" apart; no host for text without a colon.
std::pair<absl::string_view, absl::string_view> SplitAddress(absl::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return {"", address};
  return {address.substr(0, colon), address.substr(colon + 1)};
}

bool TakesAnyPort(absl::string_view address) { return SplitAddress(address).second == "0"; }

void CheckServer(const ServerConfig& server, absl::string_view where, config::Problems& problems) {
  if (server.has_tls()) {
    problems.Add(absl::StrCat(where, ".server.tls"),
                 "`up` runs a suite in plain text; TLS is for suites that are deployed");
  }
}

void Check(const SuiteConfig& suite, config::Problems& problems) {
  if (suite.workers() > kMostWorkers) problems.Add("workers", "must be 0 to 64");
  const auto timeout = TimeUtil::DurationToSeconds(suite.start_timeout());
  if (timeout < 1 || timeout > 3600) problems.Add("start_timeout", "must be 1 s to 1 h");
  const auto [host, port_text] = SplitAddress(suite.router().server().listen_address());
  uint32_t port = 0;
  if (host.empty() || !absl::SimpleAtoi(port_text, &port) || port > 65535) {
    problems.Add("router.server.listen_address", "must be \"host:port\"");
  }
  CheckServer(suite.router().server(), "router", problems);
  CheckServer(suite.worker().server(), "worker", problems);
  CheckServer(suite.cache().server(), "cache", problems);
  for (const auto& model : suite.worker().models()) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(model.path(), error)) {
      problems.Add("worker.models",
                   absl::StrCat("there is no file ", config::Quoted(model.path())));
    }
  }
}

void ApplyFlags(const SuiteSources& sources, SuiteConfig& suite) {
  ServerConfig& router = *suite.mutable_router()->mutable_server();
  if (router.listen_address().empty()) router.set_listen_address(std::string(kDefaultRouter));
  if (sources.port) {
    const auto host = SplitAddress(router.listen_address()).first;
    router.set_listen_address(absl::StrCat(host, ":", *sources.port));
  }
  if (sources.workers) suite.set_workers(*sources.workers);
  if (!suite.has_workers()) suite.set_workers(kDefaultWorkers);
  if (!suite.has_with_cache()) suite.set_with_cache(true);
  if (suite.cache().disk().path().empty() && !sources.answers_directory.empty()) {
    suite.mutable_cache()->mutable_disk()->set_path(sources.answers_directory);
  }
  if (!sources.model.empty()) {
    suite.mutable_worker()->clear_models();
    suite.mutable_worker()->add_models()->set_path(sources.model);
  }
  for (auto& model : *suite.mutable_worker()->mutable_models()) {
    std::error_code error;
    const auto path = std::filesystem::absolute(model.path(), error);
    if (!error && !model.path().empty()) model.set_path(path.lexically_normal().string());
  }
  if (!suite.has_start_timeout()) {
    *suite.mutable_start_timeout() = TimeUtil::MinutesToDuration(2);
  }
}

time::Duration DrainGrace(const ServerConfig& server) {
  if (!server.has_drain_grace()) return std::chrono::seconds(25);  // the services' own default
  return std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(server.drain_grace()));
}

// Where a process of this machine reaches one that listens at `address`.
std::string Reachable(absl::string_view address) {
  const auto [host, port] = SplitAddress(address);
  if (host == "0.0.0.0" || host == "[::]") return absl::StrCat("127.0.0.1:", port);
  return std::string(address);
}

// What is set, as JSON, which is YAML too. config::Print would write defaults out as well, and the
// suite's message knows none: the process does.
template <typename Config>
std::string Text(const Config& config) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.add_whitespace = true;
  std::string text;
  CHECK(google::protobuf::util::MessageToJsonString(config, &text, options).ok());
  return text;
}

class Planner {
 public:
  Planner(const SuiteConfig& suite, const std::vector<uint16_t>& ports, uint32_t cores)
      : suite_(suite), ports_(ports), cores_(cores) {}

  SuitePlan Plan() {
    SuitePlan plan;
    if (suite_.with_cache()) PlanAddressOfCache();
    plan.router = Router();
    if (suite_.with_cache()) plan.cache = Cache(plan.router.address);
    for (uint32_t i = 0; i < suite_.workers(); ++i) {
      plan.workers.push_back(Worker(i, plan.router.address));
    }
    plan.start_timeout =
        std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(suite_.start_timeout()));
    plan.drain_grace =
        std::max({DrainGrace(suite_.router().server()), DrainGrace(suite_.worker().server()),
                  DrainGrace(suite_.cache().server())});
    return plan;
  }

 private:
  std::string FreeAddress(absl::string_view host) {
    return absl::StrCat(host, ":", ports_.at(next_port_++));
  }

  template <typename Config>
  PlannedProcess Process(std::string name, std::string program, Config& config) {
    ServerConfig& server = *config.mutable_server();
    if (TakesAnyPort(server.listen_address())) {
      server.set_listen_address(FreeAddress(SplitAddress(server.listen_address()).first));
    }
    if (server.metrics_address().empty() || TakesAnyPort(server.metrics_address())) {
      server.set_metrics_address(FreeAddress("127.0.0.1"));
    }
    if (config.log().format() == chasqui::config::v1::LOG_FORMAT_UNSPECIFIED) {
      config.mutable_log()->set_format(chasqui::config::v1::LOG_FORMAT_TEXT);
    }
    return {.name = std::move(name),
            .program = std::move(program),
            .address = Reachable(server.listen_address()),
            .metrics = Reachable(server.metrics_address()),
            .config = Text(config)};
  }

  PlannedProcess Router() {
    RouterConfig config = suite_.router();
    if (config.router_id().empty()) config.set_router_id("router");
    if (suite_.with_cache()) config.mutable_answers()->set_cache(cache_address_);
    return Process("router", "chasqui-router", config);
  }

  // The router and the cache service are told of each other.
  void PlanAddressOfCache() {
    const std::string& wanted = suite_.cache().server().listen_address();
    const std::string address = wanted.empty() ? "127.0.0.1:0" : wanted;
    cache_address_ = TakesAnyPort(address) ? FreeAddress(SplitAddress(address).first) : address;
  }

  PlannedProcess Cache(const std::string& router) {
    CacheConfig config = suite_.cache();
    config.mutable_server()->set_listen_address(cache_address_);
    if (config.warming().router().empty()) config.mutable_warming()->set_router(router);
    return Process("cache", "chasqui-cache", config);
  }

  PlannedProcess Worker(uint32_t index, const std::string& router) {
    InferenceWorkerConfig config = suite_.worker();
    config.set_worker_id(absl::StrCat("worker-", index));
    config.mutable_server()->set_listen_address("127.0.0.1:0");
    config.mutable_server()->clear_metrics_address();
    config.clear_advertise_address();
    config.clear_routers();
    config.add_routers(router);
    if (config.engine().threads() == 0) {
      config.mutable_engine()->set_threads(std::max(1U, cores_ / suite_.workers()));
    }
    return Process(config.worker_id(), "chasqui-inference-worker", config);
  }

  const SuiteConfig& suite_;
  const std::vector<uint16_t>& ports_;
  const uint32_t cores_;
  std::size_t next_port_ = 0;
  std::string cache_address_;
};

}  // namespace

absl::StatusOr<SuiteConfig> LoadSuite(const SuiteSources& sources) {
  SuiteConfig suite;
  config::Problems problems;
  config::Load({.file = sources.file.empty() ? std::nullopt : std::optional(sources.file),
                .environment = sources.environment,
                .environment_prefix = "CHASQUI_SUITE",
                .not_settings = {},
                .overrides = sources.overrides},
               suite, problems);
  if (problems.empty()) {
    ApplyFlags(sources, suite);
    Check(suite, problems);
  }
  if (problems.empty()) return suite;
  return absl::InvalidArgumentError(absl::StrJoin(std::move(problems).Take(), "; "));
}

std::size_t PortsNeeded(const SuiteConfig& suite) {
  // Two each, for calls and for metrics.
  return 2 + 2 * static_cast<std::size_t>(suite.workers()) + (suite.with_cache() ? 2 : 0);
}

SuitePlan PlanSuite(const SuiteConfig& suite, const std::vector<uint16_t>& ports, uint32_t cores) {
  return Planner(suite, ports, cores).Plan();
}

}  // namespace chasqui::cli
