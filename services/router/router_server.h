// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "chasqui/config/v1/router_config.pb.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/rpc/server.h"
#include "common/service/rpc_metrics.h"
#include "common/time/clock.h"
#include "services/router/admission/shared_fleet.h"
#include "services/router/answers/cache_access.h"
#include "services/router/auth/authenticator.h"
#include "services/router/discovery/name_resolver.h"
#include "services/router/discovery/name_watch.h"
#include "services/router/discovery/polled_members.h"
#include "services/router/fleet_service.h"
#include "services/router/inference_service.h"
#include "services/router/limits/limiter.h"
#include "services/router/metrics/router_metrics.h"
#include "services/router/registration/join_stream.h"
#include "services/router/registration/registration_service.h"
#include "services/router/request/access_log.h"
#include "services/router/request/attempts.h"
#include "services/router/request/peer_routers.h"
#include "services/router/request/request_runner.h"
#include "services/router/request/resume_runner.h"
#include "services/router/request/stream_store.h"

namespace chasqui::router {

// The router: composes and owns everything, in the order of construction. Made by main() and by
// tests. Confined to the thread that made it.
class RouterServer {
 public:
  // `config` must be valid. `metrics` and `clock` outlive it. `resolver` finds the addresses behind
  // membership.dns; null: the system's.
  RouterServer(const config::v1::RouterConfig& config, observability::Metrics& metrics,
               observability::Logger log, const time::Clock& clock = time::RealClock(),
               std::unique_ptr<NameResolver> resolver = nullptr);
  RouterServer(const RouterServer&) = delete;
  RouterServer& operator=(const RouterServer&) = delete;
  ~RouterServer();

  // Serves. UNAVAILABLE and the like when the address cannot be had.
  absl::Status Start();
  // Ends in order within the configured grace; whether all calls could end by themselves.
  bool Drain();

  // "127.0.0.1:port" after Start().
  std::string local_address() const { return server_.local_address(); }
  const std::string& router_id() const { return router_id_; }
  // Where it listens, for people.
  std::string listen_address() const;

 private:
  void UpdateHealth();
  void WatchNames();
  void PollWorkers();
  // The peers that are addresses.
  std::set<std::string> ListedPeers() const;
  // Keeps the peers that are names up to date.
  void WatchPeers();
  // Until the loop ends.
  rpc::Task<void> ForgetStreams();

  const config::v1::RouterConfig config_;
  const std::string router_id_;
  const observability::Logger log_;
  SharedFleet fleet_;
  RouterMetrics metrics_;
  JoinStreams streams_;
  RegistrationService registration_;
  PolledMembers polled_;  // confined to the first loop
  const Authenticator authenticator_;
  Limiter limiter_;
  Attempts attempts_;
  StreamStore store_;
  PeerRouters peers_;
  std::unique_ptr<observability::Metrics::Collector> collector_;
  AccessLog access_log_;
  CacheAccess cache_;
  RequestRunner runner_;
  ResumeRunner resumes_;
  InferenceService inference_;
  FleetService fleet_service_;
  // Models whose health name is SERVING. Confined to the first loop.
  std::set<std::string> healthy_models_;
  service::RpcMetrics rpc_metrics_;
  std::unique_ptr<NameResolver> resolver_;  // until names_ has it
  // Addresses behind names. Confined to the first loop.
  NameWatch::Addresses resolved_;
  rpc::Server server_;                     // its loops work on all of the above
  std::unique_ptr<NameWatch> names_;       // its thread posts to a loop; null: no names
  std::unique_ptr<NameWatch> peer_names_;  // null: no names
};

}  // namespace chasqui::router
