// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "chasqui/config/v1/suite_config.pb.h"
#include "common/config/environment.h"
#include "common/time/clock.h"

namespace chasqui::cli {

// Where the configuration of a suite comes from; what stands later wins.
struct SuiteSources {
  std::string file;                    // SuiteConfig as YAML; empty: the embedded defaults
  config::Environment environment;     // CHASQUI_SUITE_ROUTER_QUEUE_MAX_REQUESTS=8 and so on
  std::vector<std::string> overrides;  // router.queue.max_requests=8
  std::optional<uint16_t> port;        // of the router; 0 takes a free one
  std::optional<uint32_t> workers;
  std::string model;  // GGUF file; empty: as configured
  // Where answers are kept on disk when the configuration does not say; empty: they are not.
  std::string answers_directory;
};

// One process of a suite.
struct PlannedProcess {
  std::string name;     // "router", "worker-0"
  std::string program;  // "chasqui-router"
  std::string address;  // "127.0.0.1:50051", where it is reached on this machine
  std::string metrics;  // "127.0.0.1:9100"
  std::string config;   // its configuration, YAML
};

// A suite about to run.
struct SuitePlan {
  PlannedProcess router;
  std::vector<PlannedProcess> workers;
  std::optional<PlannedProcess> cache;  // none: the suite has none
  time::Duration start_timeout{};
  time::Duration drain_grace{};  // the longest of any of its processes
};

// The configuration that `sources` come to. INVALID_ARGUMENT tells all problems, one line each.
absl::StatusOr<chasqui::config::v1::SuiteConfig> LoadSuite(const SuiteSources& sources);

// How many ports PlanSuite needs.
std::size_t PortsNeeded(const chasqui::config::v1::SuiteConfig& suite);

// What each process is to be told. `ports` are free ones, PortsNeeded() of them; `cores` are shared
// out among workers whose threads are not configured, so that they do not take them from each
// other. Pure.
SuitePlan PlanSuite(const chasqui::config::v1::SuiteConfig& suite,
                    const std::vector<uint16_t>& ports, uint32_t cores);

}  // namespace chasqui::cli
