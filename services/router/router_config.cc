// SPDX-License-Identifier: Apache-2.0
#include "services/router/router_config.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/checks.h"
#include "common/inference/names.h"
#include "common/inference/validate.h"
#include "common/service/settings.h"
#include "services/router/auth/auth_settings.h"
#include "services/router/discovery/name_resolver.h"
#include "services/router/fleet/hello.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using config::v1::RouterConfig;

constexpr int kMaxFallbacks = 256;
constexpr int kMaxInstead = 16;

void CheckModels(const config::v1::ModelsConfig& models, config::Checks& checks) {
  checks.Count("models.fallbacks", models.fallbacks_size(), kMaxFallbacks);
  std::set<std::string_view> names;
  for (int i = 0; i < models.fallbacks_size(); ++i) {
    const auto& fallback = models.fallbacks(i);
    const std::string path = absl::StrCat("models.fallbacks[", i, "]");
    checks.Require(inference::IsName(fallback.model()), path + ".model", inference::kNameRule);
    checks.Require(names.insert(fallback.model()).second, path + ".model", "is there twice");
    checks.Require(fallback.instead_size() > 0, path + ".instead", "must name a model");
    checks.Count(path + ".instead", fallback.instead_size(), kMaxInstead);
    checks.Require(std::ranges::all_of(fallback.instead(), inference::IsName), path + ".instead",
                   absl::StrCat("each ", inference::kNameRule));
  }
}

constexpr int kMaxNames = 16;

void CheckMembership(const config::v1::MembershipConfig& membership, config::Checks& checks) {
  checks.Range("membership.report_interval", membership.report_interval(), 100ms, 1min);
  checks.Range("membership.max_workers", membership.max_workers(), 1, 10'000);
  checks.Range("membership.dns_interval", membership.dns_interval(), 100ms, 1h);
  checks.Count("membership.static_workers", membership.static_workers_size(),
               static_cast<int>(membership.max_workers()));
  for (int i = 0; i < membership.static_workers_size(); ++i) {
    checks.Require(IsReachableAddress(membership.static_workers(i)),
                   absl::StrCat("membership.static_workers[", i, "]"),
                   "must be \"host:port\" where this router can reach the worker");
  }
  checks.Count("membership.dns", membership.dns_size(), kMaxNames);
  for (int i = 0; i < membership.dns_size(); ++i) {
    checks.Require(ParseDnsName(membership.dns(i)).has_value(),
                   absl::StrCat("membership.dns[", i, "]"), "must be \"dns:///host:port\"");
  }
}

void Check(const config::v1::AccessLogConfig& log, config::Checks& checks) {
  checks.Range("access_log.prompt_bytes", log.prompt_bytes(), 1, 1 << 20);
  checks.ByteRange("access_log.max_file_bytes", log.max_file_bytes(), 4096, 1ULL << 40);
  checks.Range("access_log.kept_files", log.kept_files(), 0, 1000);
}

void Check(const config::v1::StreamsConfig& streams, config::Checks& checks) {
  checks.Range("streams.max_moves", streams.max_moves(), 0, 100);
  checks.Range("streams.move_timeout", streams.move_timeout(), 1ms, 10min);
  checks.Range("streams.silence", streams.silence(), 10ms, 10min);
  checks.Range("streams.stall_timeout", streams.stall_timeout(), 100ms, 1h);
  checks.ByteRange("streams.replay_bytes", streams.replay_bytes(), 4096, 16 << 20);
  checks.Range("streams.resume_window", streams.resume_window(), 0s, 1h);
  checks.ByteRange("streams.max_kept_bytes", streams.max_kept_bytes(), 0, 1ULL << 40);
  checks.Count("streams.peers", streams.peers_size(), 64);
  for (int i = 0; i < streams.peers_size(); ++i) {
    checks.Require(ParseDnsName(streams.peers(i)).has_value(),
                   absl::StrCat("streams.peers[", i, "]"),
                   "must be \"host:port\" or \"dns:///host:port\"");
  }
}

void Check(const config::v1::AnswersConfig& answers, config::Checks& checks) {
  if (!answers.cache().empty() && !answers.cache().starts_with("dns:///")) {
    checks.Address("answers.cache", answers.cache());
  }
  service::Check("answers.tls", answers.tls(), checks);
  checks.Range("answers.timeout", answers.timeout(), 1ms, 10s);
  checks.Range("answers.failures", answers.failures(), 1, 1000);
  checks.Range("answers.pause", answers.pause(), 10ms, 1h);
  checks.ByteRange("answers.max_pending_bytes", answers.max_pending_bytes(), 4096, 256 << 20);
}

constexpr int kMaxTenants = 10'000;
constexpr std::size_t kMaxTenant = 256;

void CheckQueue(const config::v1::QueueConfig& queue, config::Checks& checks) {
  checks.Range("queue.max_requests", queue.max_requests(), 0, 1'000'000);
  checks.Range("queue.max_wait", queue.max_wait(), 1ms, 1h);
  checks.Range("queue.retry_delay", queue.retry_delay(), 1ms, 10min);
  checks.Range("queue.max_tokens", queue.max_tokens(), 1, 1'000'000'000'000);
  checks.Range("queue.ageing", queue.ageing(), 0s, 1h);
  checks.Range("queue.quantum_tokens", queue.quantum_tokens(), 1, 1'000'000);
  checks.Count("queue.tenant_weights", queue.tenant_weights_size(), kMaxTenants);
  std::set<std::string_view> tenants;
  for (int i = 0; i < std::min(queue.tenant_weights_size(), kMaxTenants); ++i) {
    const auto& tenant = queue.tenant_weights(i);
    const std::string path = absl::StrCat("queue.tenant_weights[", i, "]");
    checks.Require(!tenant.tenant().empty() && tenant.tenant().size() <= kMaxTenant,
                   path + ".tenant", "must be of 1 to 256 characters");
    checks.Require(tenants.insert(tenant.tenant()).second, path + ".tenant",
                   "is there twice: " + tenant.tenant());
    checks.Range(path + ".weight", tenant.weight(), 1, 1000);
  }
  checks.Range("queue.wait_for_worker", queue.wait_for_worker(), 0s, 1h);
  checks.Count("queue.expected_models", queue.expected_models_size(), 1000);
}

void CheckBalancing(const config::v1::BalancingConfig& balancing, config::Checks& checks) {
  const auto& affinity = balancing.prefix_affinity();
  checks.Range("balancing.prefix_affinity.load_margin_percent", affinity.load_margin_percent(), 0,
               100);
  checks.Range("balancing.prefix_affinity.block_bytes", affinity.block_bytes(), 16, 65'536);
  checks.Range("balancing.prefix_affinity.table_entries", affinity.table_entries(), 1024,
               1'000'000);
  const auto& breaker = balancing.circuit_breaker();
  const std::string path = "balancing.circuit_breaker.";
  checks.Range(path + "failures", breaker.failures(), 0, 1000);
  checks.Range(path + "base_ejection", breaker.base_ejection(), 1ms, 1h);
  checks.Range(path + "max_ejection", breaker.max_ejection(),
               service::ToDuration(breaker.base_ejection()), 24h);
  checks.Range(path + "max_ejected_percent", breaker.max_ejected_percent(), 0, 100);
  checks.Range("balancing.slow_start", balancing.slow_start(), 0s, 1h);
}

}  // namespace

RouterConfig DefaultConfig() {
  RouterConfig config;
  service::SetDefaults("127.0.0.1:50051", *config.mutable_server());
  auto& queue = *config.mutable_queue();
  queue.set_max_requests(1024);
  *queue.mutable_max_wait() = service::ToProto(60s);
  *queue.mutable_retry_delay() = service::ToProto(1s);
  queue.set_max_tokens(4'000'000);
  *queue.mutable_ageing() = service::ToProto(10s);
  queue.set_quantum_tokens(1024);
  *queue.mutable_wait_for_worker() = service::ToProto(0s);
  auto& upstream = *config.mutable_upstream();
  upstream.set_max_attempts(3);
  upstream.set_max_buffered_events(64);
  *upstream.mutable_connect_timeout() = service::ToProto(2s);
  upstream.set_retry_budget_percent(20);
  auto& membership = *config.mutable_membership();
  *membership.mutable_report_interval() = service::ToProto(1s);
  membership.set_max_workers(1000);
  *membership.mutable_dns_interval() = service::ToProto(10s);
  auto& balancing = *config.mutable_balancing();
  balancing.set_policy(config::v1::BALANCING_POLICY_LEAST_CONNECTIONS);
  *balancing.mutable_slow_start() = service::ToProto(10s);
  auto& breaker = *balancing.mutable_circuit_breaker();
  breaker.set_failures(5);
  *breaker.mutable_base_ejection() = service::ToProto(30s);
  *breaker.mutable_max_ejection() = service::ToProto(300s);
  breaker.set_max_ejected_percent(50);
  auto& affinity = *balancing.mutable_prefix_affinity();
  affinity.set_load_margin_percent(25);
  affinity.set_block_bytes(256);
  affinity.set_table_entries(100'000);
  auto& streams = *config.mutable_streams();
  streams.set_max_moves(5);
  *streams.mutable_move_timeout() = service::ToProto(30s);
  *streams.mutable_silence() = service::ToProto(1s);
  *streams.mutable_stall_timeout() = service::ToProto(10s);
  streams.set_replay_bytes(256 << 10);
  *streams.mutable_resume_window() = service::ToProto(60s);
  streams.set_max_kept_bytes(256 << 20);
  auto& access_log = *config.mutable_access_log();
  access_log.set_prompt_bytes(1024);
  access_log.set_max_file_bytes(100 << 20);
  access_log.set_kept_files(5);
  auto& answers = *config.mutable_answers();
  *answers.mutable_timeout() = service::ToProto(500ms);
  answers.set_failures(3);
  *answers.mutable_pause() = service::ToProto(1s);
  answers.set_max_pending_bytes(1 << 20);
  SetAuthDefaults(config);
  return config;
}

std::vector<std::string> Validate(const RouterConfig& config) {
  config::Checks checks;
  service::Check("server", config.server(), checks);
  checks.Require(config.router_id().empty() || inference::IsRequestId(config.router_id()),
                 "router_id", "must be at most 128 characters of [A-Za-z0-9._:-]");
  CheckQueue(config.queue(), checks);
  checks.Range("upstream.max_attempts", config.upstream().max_attempts(), 1, 10);
  checks.Range("upstream.max_buffered_events", config.upstream().max_buffered_events(), 1, 10'000);
  checks.Range("upstream.connect_timeout", config.upstream().connect_timeout(), 100ms, 1min);
  checks.Range("upstream.retry_budget_percent", config.upstream().retry_budget_percent(), 0, 100);
  service::Check("upstream.tls", config.upstream().tls(), checks);
  CheckMembership(config.membership(), checks);
  CheckModels(config.models(), checks);
  Check(config.streams(), checks);
  Check(config.access_log(), checks);
  Check(config.answers(), checks);
  CheckAuth(config, checks);
  CheckBalancing(config.balancing(), checks);
  return std::move(checks).Take();
}

}  // namespace chasqui::router
