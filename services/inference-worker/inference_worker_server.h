// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "chasqui/config/v1/inference_worker_config.pb.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/rpc/server.h"
#include "common/service/rpc_metrics.h"
#include "services/inference-worker/engine/compute_turns.h"
#include "services/inference-worker/generate_service.h"
#include "services/inference-worker/hosting/catalogue.h"
#include "services/inference-worker/hosting/model_lifecycle.h"
#include "services/inference-worker/load_sampler.h"
#include "services/inference-worker/membership/membership.h"
#include "services/inference-worker/membership/worker_facts.h"
#include "services/inference-worker/model/backend.h"
#include "services/inference-worker/telemetry/device_metrics.h"
#include "services/inference-worker/telemetry/device_telemetry.h"
#include "services/inference-worker/text_service.h"
#include "services/inference-worker/worker_metrics.h"
#include "services/inference-worker/worker_service.h"
#include "services/inference-worker/worker_state.h"

namespace chasqui::worker {

// The worker: owns libllama, the models and their engines, the RPCs and the memberships. Made and
// used by main() or a test; Start() and Drain() block and are for one thread.
class InferenceWorkerServer final : private WorkerFacts {
 public:
  // `config` must be valid; `log` and `metrics` outlive this. `devices`: what is told of devices
  // comes from there; unset: from the back ends and the drivers of this machine.
  InferenceWorkerServer(config::v1::InferenceWorkerConfig config, const observability::Logger& log,
                        observability::Metrics& metrics,
                        std::optional<DeviceTelemetry::Sources> devices = std::nullopt);
  ~InferenceWorkerServer() override;

  // Binds, loads the configured models, joins the routers. A model that cannot be loaded fails the
  // start with its reason. Before it the server answers health as NOT_SERVING.
  absl::Status Start();

  // "127.0.0.1:port" after Start() has bound.
  std::string address() const { return server_.local_address(); }

  // Refuses new requests, waits for the running ones, at most for the configured grace, and stops.
  // Whether all could end by themselves. Idempotent.
  bool Drain();

 private:
  fleet::v1::WorkerHello Hello() const override;
  fleet::v1::WorkerModels Models() const override;
  fleet::v1::LoadReport Load(std::string_view router_id) const override;
  concurrency::Task<absl::Status> Execute(fleet::v1::Command command) override;

  absl::Status LoadConfigured();
  absl::Status MakeMemberships();
  void TellLoad();
  void TellModels();
  void ShowHealth();
  std::string AdvertisedAddress() const;
  void DescribeStatus(std::string_view router_id, v1::GetStatusResponse& status) const;

  const config::v1::InferenceWorkerConfig config_;
  const observability::Logger& log_;
  const std::uint64_t incarnation_;
  const Catalogue catalogue_;
  Backend backend_;
  DeviceTelemetry devices_;
  service::RpcMetrics rpc_metrics_;
  rpc::Server server_;
  EventHub hub_;
  ComputeTurns turns_;  // outlives the models that the offload thread frees
  Offload offload_;
  Offload embeddings_;
  ModelHost host_;
  ModelLifecycle lifecycle_;
  WorkerMetrics metrics_;
  DeviceMetrics device_metrics_;
  WorkerState state_;
  GenerateService generate_service_;
  TextService text_service_;
  WorkerService worker_service_;
  mutable LoadSampler load_sampler_;
  std::vector<std::unique_ptr<Membership>>
      memberships_;                        // constant once served, each confined to loop 0
  std::vector<std::string> health_names_;  // of models; confined to loop 0
  std::atomic<bool> started_ = false;      // the models of the start are loaded
  std::optional<bool> drained_;
};

}  // namespace chasqui::worker
