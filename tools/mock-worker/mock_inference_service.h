// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/inference_service.pb.h"
#include "common/rpc/server.h"
#include "common/rpc/server_methods.h"
#include "tools/mock-worker/behaviour.h"
#include "tools/mock-worker/breath.h"
#include "tools/mock-worker/generation_plan.h"
#include "tools/mock-worker/worker_load.h"

namespace chasqui::mock_worker {

// InferenceService without a model. Owned by its worker; outlives the calls. Confined to the
// server's one loop.
class MockInferenceService {
 public:
  // `load` outlives this.
  MockInferenceService(std::string worker_id, std::string model, uint32_t slots,
                       Behaviour behaviour, WorkerLoad& load);

  void Register(rpc::Server& server);

  const inference::v1::Model& model() const { return model_; }

 private:
  // A request that may run: its plan, what its Started says, and its slot.
  struct Admitted {
    GenerationPlan plan;
    inference::v1::Started started;
    WorkerLoad::Slot slot;
  };

  absl::StatusOr<Admitted> Admit(const rpc::ServerCall& call,
                                 const inference::v1::GenerateRequest& request);
  absl::Status CheckModel(const std::string& name) const;

  concurrency::Task<absl::Status> StreamGenerate(
      rpc::ServerCall& call, inference::v1::GenerateRequest request,
      rpc::ServerWriter<inference::v1::StreamGenerateResponse>& writer);
  concurrency::Task<absl::StatusOr<inference::v1::GenerateResponse>> Generate(
      rpc::ServerCall& call, inference::v1::GenerateRequest request);
  absl::StatusOr<inference::v1::TokenizeResponse> Tokenize(
      const inference::v1::TokenizeRequest& request) const;
  absl::StatusOr<inference::v1::DetokenizeResponse> Detokenize(
      const inference::v1::DetokenizeRequest& request) const;
  absl::StatusOr<inference::v1::EmbedResponse> Embed(
      const inference::v1::EmbedRequest& request) const;
  absl::StatusOr<inference::v1::ListModelsResponse> ListModels(
      const inference::v1::ListModelsRequest& request) const;
  absl::StatusOr<inference::v1::GetModelResponse> GetModel(
      const inference::v1::GetModelRequest& request) const;

  const std::string worker_id_;
  const inference::v1::Model model_;
  const Behaviour behaviour_;
  WorkerLoad& load_;
  Breath breath_;
};

}  // namespace chasqui::mock_worker
