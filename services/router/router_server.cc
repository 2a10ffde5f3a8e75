// SPDX-License-Identifier: Apache-2.0
#include "services/router/router_server.h"

#include <chrono>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/random/random.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/service/settings.h"
#include "services/router/fleet/catalogue.h"
#include "services/router/policy/policy.h"
#include "services/router/request/request_id.h"

namespace chasqui::router {
namespace {

using config::v1::RouterConfig;

std::chrono::milliseconds Milliseconds(const google::protobuf::Duration& duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(service::ToDuration(duration));
}

std::string RouterId(const RouterConfig& config) {
  return config.router_id().empty() ? absl::StrCat("router-", RandomHex()) : config.router_id();
}

std::size_t PrefixBlockBytes(const config::v1::BalancingConfig& balancing) {
  const bool looks_at_prompts = balancing.policy() == config::v1::BALANCING_POLICY_PREFIX_AFFINITY;
  return looks_at_prompts ? balancing.prefix_affinity().block_bytes() : 0;
}

// A name with several addresses behind it, as the streams' peers may be.
bool IsDnsName(std::string_view peer) { return absl::StartsWith(peer, "dns:///"); }

resilience::CircuitBreakerOptions BreakerOptions(const config::v1::CircuitBreakerConfig& breaker) {
  return {.failures = static_cast<int>(breaker.failures()),
          .base_ejection = service::ToDuration(breaker.base_ejection()),
          .max_ejection = service::ToDuration(breaker.max_ejection())};
}

WaitQueue::Options QueueOrder(const config::v1::QueueConfig& queue) {
  WaitQueue::Options order{.ageing = service::ToDuration(queue.ageing()),
                           .fairness = {.quantum_tokens = queue.quantum_tokens(), .weights = {}}};
  for (const auto& tenant : queue.tenant_weights()) {
    order.fairness.weights[tenant.tenant()] = tenant.weight();
  }
  return order;
}

SharedFleet::Options FleetOptions(const RouterConfig& config) {
  const auto& membership = config.membership();
  return {
      .dispatcher =
          {
              .registry = {.max_workers = membership.max_workers(),
                           .silence = 3 * service::ToDuration(membership.report_interval()),
                           .breaker = BreakerOptions(config.balancing().circuit_breaker())},
              .max_waiting = config.queue().max_requests(),
              .max_waiting_tokens = config.queue().max_tokens(),
              .order = QueueOrder(config.queue()),
              .wait_for_worker = service::ToDuration(config.queue().wait_for_worker()),
              .expected_models = {config.queue().expected_models().begin(),
                                  config.queue().expected_models().end()},
              .retry_delay = Milliseconds(config.queue().retry_delay()),
              .still_after = service::ToDuration(config.streams().stall_timeout()),
              .max_ejected_percent = config.balancing().circuit_breaker().max_ejected_percent(),
              .slow_start = service::ToDuration(config.balancing().slow_start()),
              .make_policy =
                  [balancing = config.balancing()] {
                    return MakePolicy(balancing,
                                      [random = absl::BitGen()](std::size_t bound) mutable {
                                        return absl::Uniform<std::size_t>(random, 0, bound);
                                      });
                  },
          },
      .max_wait = service::ToDuration(config.queue().max_wait()),
      .retry_budget = {.percent = config.upstream().retry_budget_percent()},
  };
}

rpc::ChannelOptions WorkerChannels(const RouterConfig& config) {
  rpc::ChannelOptions channels;
  channels.tls = service::ToClientTls(config.upstream().tls());
  channels.connect_timeout = Milliseconds(config.upstream().connect_timeout());
  return channels;
}

RegistrationService::Options RegistrationOptions(const RouterConfig& config,
                                                 const std::string& router_id) {
  return {.router_id = router_id,
          .report_interval = service::ToDuration(config.membership().report_interval()),
          .worker_channels = WorkerChannels(config),
          .loops = static_cast<int>(config.server().loops())};
}

PolledMembers::Options PollOptions(const RouterConfig& config, const std::string& router_id) {
  return {.router_id = router_id,
          .interval = service::ToDuration(config.membership().report_interval()),
          .worker_channels = WorkerChannels(config),
          .loops = static_cast<int>(config.server().loops()),
          .max_workers = config.membership().max_workers()};
}

RequestRunner::Options RequestOptions(const RouterConfig& config) {
  const auto& streams = config.streams();
  return {.streams = {.retries = {.attempts = static_cast<int>(config.upstream().max_attempts()),
                                  .moves = static_cast<int>(streams.max_moves())},
                      .max_buffered_events = config.upstream().max_buffered_events(),
                      .move_timeout = service::ToDuration(streams.move_timeout()),
                      .silence = service::ToDuration(streams.silence())},
          .fallbacks = Fallbacks(config.models()),
          .prefix_block_bytes = PrefixBlockBytes(config.balancing()),
          .max_log_bytes = streams.replay_bytes()};
}

StreamStore::Options StoreOptions(const config::v1::StreamsConfig& streams) {
  return {.window = service::ToDuration(streams.resume_window()),
          .max_bytes = streams.max_kept_bytes()};
}

// The methods whose handlers ask the Authenticator themselves.
absl::flat_hash_set<std::string> PathsOfRunner() {
  absl::flat_hash_set<std::string> paths;
  for (const InferenceMethod& method : InferenceMethods()) paths.insert(InferencePath(method.name));
  paths.insert(InferencePath(ResumeMethod().name));
  return paths;
}

}  // namespace

RouterServer::RouterServer(const RouterConfig& config, observability::Metrics& metrics,
                           observability::Logger log, const time::Clock& clock,
                           std::unique_ptr<NameResolver> resolver)
    : config_(config),
      router_id_(RouterId(config)),
      log_(std::move(log)),
      fleet_(FleetOptions(config), clock),
      metrics_(metrics),
      registration_(RegistrationOptions(config, router_id_), fleet_, streams_, log_),
      polled_(PollOptions(config, router_id_), fleet_, log_),
      authenticator_(config, metrics, log_, clock),
      limiter_(config.limits(), metrics, log_, clock),
      attempts_(router_id_, std::string(PolicyName(config.balancing().policy())), fleet_, metrics_),
      store_(StoreOptions(config.streams()), clock),
      peers_(WorkerChannels(config)),
      collector_(metrics.OnCollect([this] {
        Collect(fleet_, metrics_);
        metrics_.kept_bytes.Set(static_cast<double>(store_.bytes()));
      })),
      access_log_(config.access_log(), log_),
      cache_(config.answers(), static_cast<int>(config.server().loops()), metrics, log_),
      runner_(RequestOptions(config), EntryControl(authenticator_, limiter_), attempts_, store_,
              cache_, access_log_),
      resumes_(runner_, store_, peers_, metrics_),
      inference_(authenticator_, fleet_, runner_, resumes_),
      fleet_service_(router_id_, fleet_, streams_, clock),
      rpc_metrics_(metrics),
      resolver_(resolver != nullptr ? std::move(resolver) : MakeSystemResolver()),
      server_(service::ToOptions("router", config.server()), &rpc_metrics_) {
  if (authenticator_.required()) {
    server_.SetGuard([this, own = PathsOfRunner()](const rpc::ServerCall& call) {
      return own.contains(call.method()) ? absl::OkStatus() : authenticator_.Guard(call);
    });
  }
  registration_.Register(server_);
  inference_.Register(server_);
  fleet_service_.Register(server_);
  fleet_.OnEjection([this](const Dispatcher::Ejection& ejection) {
    metrics_.ejections.With({ejection.worker_id, ejection.model}).Increment();
    log_.Warn("worker ejected: it failed again and again",
              {{"worker", ejection.worker_id}, {"model", ejection.model}});
  });
  // On one loop, so that the last state told is the last there was.
  fleet_.OnAvailability([this] { server_.loop().Post([this] { UpdateHealth(); }); });
}

RouterServer::~RouterServer() {
  server_.Drain(time::Duration::zero());
  // Its answers go to loops, which are still there.
  limiter_.Stop();
}

absl::Status RouterServer::Start() {
  ABSL_RETURN_IF_ERROR(access_log_.Open());
  ABSL_RETURN_IF_ERROR(cache_.Open());
  ABSL_RETURN_IF_ERROR(peers_.Set(ListedPeers()));
  ABSL_RETURN_IF_ERROR(server_.Start());
  server_.loop().Spawn(registration_.DropSilent(server_.loop()));
  if (!config_.membership().static_workers().empty())
    server_.loop().Post([this] { PollWorkers(); });
  if (!config_.membership().dns().empty()) WatchNames();
  WatchPeers();
  server_.loop().Spawn(ForgetStreams());
  return absl::OkStatus();
}

void RouterServer::WatchNames() {
  std::vector<DnsName> names;
  for (const std::string& name : config_.membership().dns()) names.push_back(*ParseDnsName(name));
  names_ = std::make_unique<NameWatch>(
      std::move(names), service::ToDuration(config_.membership().dns_interval()),
      std::move(resolver_), log_, [this](NameWatch::Addresses addresses) {
        server_.loop().Post([this, addresses = std::move(addresses)]() mutable {
          resolved_ = std::move(addresses);
          PollWorkers();
        });
      });
}

std::set<std::string> RouterServer::ListedPeers() const {
  std::set<std::string> listed;
  for (const std::string& peer : config_.streams().peers()) {
    if (!IsDnsName(peer)) listed.insert(peer);
  }
  return listed;
}

void RouterServer::WatchPeers() {
  std::vector<DnsName> names;
  for (const std::string& peer : config_.streams().peers()) {
    if (IsDnsName(peer)) names.push_back(*ParseDnsName(peer));
  }
  if (names.empty()) return;
  peer_names_ = std::make_unique<NameWatch>(
      std::move(names), service::ToDuration(config_.membership().dns_interval()),
      MakeSystemResolver(), log_, [this](NameWatch::Addresses addresses) {
        addresses.merge(ListedPeers());
        if (const absl::Status set = peers_.Set(addresses); !set.ok())
          log_.Warn("other routers cannot be reached", {{"error", set}});
      });
}

// Asks the workers of the list and those behind names.
void RouterServer::PollWorkers() {
  NameWatch::Addresses addresses = resolved_;
  addresses.insert(config_.membership().static_workers().begin(),
                   config_.membership().static_workers().end());
  polled_.SetAddresses(server_.loop(), addresses);
}

bool RouterServer::Drain() {
  return server_.Drain(service::ToDuration(config_.server().drain_grace()));
}

std::string RouterServer::listen_address() const {
  const std::string& address = config_.server().listen_address();
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", server_.port());
}

rpc::Task<void> RouterServer::ForgetStreams() {
  for (;;) {
    co_await server_.loop().SleepFor(std::chrono::seconds(1));
    store_.Expire();
  }
}

// One health name, "model:NAME", for each model that requests can be sent to now.
void RouterServer::UpdateHealth() {
  auto available = fleet_.Look([](const Dispatcher& dispatcher, time::SteadyTime) {
    std::set<std::string> models;
    for (const auto& [name, entry] : dispatcher.catalogue().entries()) {
      const bool servable =
          std::ranges::any_of(entry.seats, [](const Seat* seat) { return IsServable(*seat); });
      if (servable) models.insert(name);
    }
    return models;
  });
  for (const std::string& model : healthy_models_) {
    if (!available.contains(model)) {
      server_.health().SetServing(absl::StrCat("model:", model), false);
    }
  }
  for (const std::string& model : available) {
    if (!healthy_models_.contains(model)) {
      server_.health().SetServing(absl::StrCat("model:", model), true);
    }
  }
  healthy_models_ = std::move(available);
}

}  // namespace chasqui::router
