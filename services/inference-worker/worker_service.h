// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "chasqui/worker/v1/worker_service.pb.h"
#include "common/concurrency/named_thread.h"
#include "common/rpc/server_methods.h"
#include "services/inference-worker/hosting/catalogue.h"
#include "services/inference-worker/worker_state.h"

namespace chasqui::worker {

// WorkerService: operation of this worker. Decides nothing. Owned by the server, outlives the
// calls.
class WorkerService {
 public:
  // `describe` fills in what the server knows of its life, devices, load and memberships;
  // `router_id` is who asks.
  using Describe =
      std::function<void(std::string_view router_id, worker::v1::GetStatusResponse& status)>;

  WorkerService(WorkerState& state, const Catalogue& catalogue, Describe describe);

  void Register(rpc::Server& server);

  // Loads a model without telling how far it is. Confined to `loop`, on which it runs.
  concurrency::Task<absl::Status> Load(rpc::Loop& loop, LoadSpec spec);

 private:
  concurrency::Task<absl::Status> LoadModel(
      rpc::ServerCall& call, worker::v1::LoadModelRequest request,
      rpc::ServerWriter<worker::v1::LoadModelResponse>& writer);
  concurrency::Task<absl::StatusOr<worker::v1::UnloadModelResponse>> UnloadModel(
      rpc::ServerCall& call, worker::v1::UnloadModelRequest request);
  concurrency::Task<absl::StatusOr<worker::v1::EstimateModelResponse>> EstimateModel(
      rpc::ServerCall& call, worker::v1::EstimateModelRequest request);
  concurrency::Task<absl::StatusOr<worker::v1::DrainResponse>> Drain(
      rpc::ServerCall& call, worker::v1::DrainRequest request);
  concurrency::Task<absl::StatusOr<worker::v1::GetStatusResponse>> GetStatus(rpc::ServerCall& call);

  WorkerState& state_;
  const Catalogue& catalogue_;
  const Describe describe_;
  std::atomic<int> loads_ = 0;  // of LoadModel, under way or waiting
  Offload loader_;              // last: its thread works on the host
};

}  // namespace chasqui::worker
