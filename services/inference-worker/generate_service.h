// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "common/rpc/server_methods.h"
#include "services/inference-worker/generate/response_mapping.h"
#include "services/inference-worker/worker_state.h"

namespace chasqui::worker {

// Generate and StreamGenerate: from the protocol to the engine and back. Decides nothing. Owned by
// the server, outlives the calls. Each call is a coroutine on its loop.
class GenerateService {
 public:
  explicit GenerateService(WorkerState& state) : state_(state) {}

  void Register(rpc::Server& server);

 private:
  // A request that has its slot.
  struct Answer;

  concurrency::Task<absl::StatusOr<inference::v1::GenerateResponse>> Generate(
      rpc::ServerCall& call, inference::v1::GenerateRequest request);
  concurrency::Task<absl::Status> StreamGenerate(
      rpc::ServerCall& call, inference::v1::GenerateRequest request,
      rpc::ServerWriter<inference::v1::StreamGenerateResponse>& writer);

  concurrency::Task<absl::StatusOr<std::unique_ptr<Answer>>> Begin(
      rpc::ServerCall& call, const inference::v1::GenerateRequest& request);
  concurrency::Task<absl::Status> Stream(
      rpc::ServerCall& call, const inference::v1::GenerateRequest& request, Answer& answer,
      rpc::ServerWriter<inference::v1::StreamGenerateResponse>& writer);
  concurrency::Task<absl::StatusOr<inference::v1::GenerateResponse>> Collect(
      rpc::ServerCall& call, const inference::v1::GenerateRequest& request, Answer& answer);

  std::string LabelOf(const std::string& model) const;

  WorkerState& state_;
};

}  // namespace chasqui::worker
