// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/inference_service.pb.h"
#include "common/rpc/server_methods.h"
#include "services/inference-worker/worker_state.h"

namespace chasqui::worker {

// The RPCs of InferenceService that take no slot: tokens, templates, embeddings, ranks,
// models. Decides
// nothing. Owned by the server, outlives the calls. Each call is a coroutine on its loop; what
// takes long runs off it.
class TextService {
 public:
  explicit TextService(WorkerState& state) : state_(state) {}

  void Register(rpc::Server& server);

 private:
  template <typename Response>
  using Result = concurrency::Task<absl::StatusOr<Response>>;

  Result<inference::v1::TokenizeResponse> Tokenize(rpc::ServerCall& call,
                                                   inference::v1::TokenizeRequest request);
  Result<inference::v1::DetokenizeResponse> Detokenize(rpc::ServerCall& call,
                                                       inference::v1::DetokenizeRequest request);
  Result<inference::v1::ApplyTemplateResponse> ApplyTemplate(
      rpc::ServerCall& call, inference::v1::ApplyTemplateRequest request);
  Result<inference::v1::EmbedResponse> Embed(rpc::ServerCall& call,
                                             inference::v1::EmbedRequest request);
  Result<inference::v1::RerankResponse> Rerank(rpc::ServerCall& call,
                                               inference::v1::RerankRequest request);
  Result<inference::v1::ListModelsResponse> ListModels();
  Result<inference::v1::GetModelResponse> GetModel(inference::v1::GetModelRequest request);

  // Checks the request, finds its model and runs `work` on `thread`.
  template <typename Response, typename Request, typename Work>
  Result<Response> OffLoop(rpc::ServerCall& call, Offload& thread, Request request, Work work);

  WorkerState& state_;
};

}  // namespace chasqui::worker
