// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/mock_inference_service.h"

#include <chrono>
#include <string_view>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/inference/validate.h"
#include "common/status/status.h"
#include "tools/mock-worker/generation.h"
#include "tools/mock-worker/mock_model.h"
#include "tools/mock-worker/text.h"

namespace chasqui::mock_worker {
namespace {

constexpr std::string_view kRouterIdKey = "x-chasqui-router-id";
constexpr std::chrono::milliseconds kRetryDelay(100);
constexpr int kEmbeddingLength = 8;

std::string MethodPath(std::string_view method) {
  return absl::StrCat("/chasqui.inference.v1.InferenceService/", method);
}

absl::Status WorkerFull() {
  return status::ResourceExhausted("WORKER_FULL", "all slots are taken", kRetryDelay);
}

// Registers a unary method that answers at once.
template <typename Request, typename Response, typename Answer>
void RegisterImmediate(rpc::Server& server, std::string_view method, Answer answer) {
  rpc::RegisterUnary<Request, Response>(
      server, MethodPath(method),
      [answer](rpc::ServerCall&, Request request) -> concurrency::Task<absl::StatusOr<Response>> {
        co_return answer(request);
      });
}

}  // namespace

MockInferenceService::MockInferenceService(std::string worker_id, std::string model, uint32_t slots,
                                           Behaviour behaviour, WorkerLoad& load)
    : worker_id_(std::move(worker_id)),
      model_(DescribeModel(model, slots)),
      behaviour_(std::move(behaviour)),
      load_(load) {}

void MockInferenceService::Register(rpc::Server& server) {
  using namespace inference::v1;  // NOLINT(google-build-using-namespace): only messages, only here
  rpc::RegisterServerStream<GenerateRequest, StreamGenerateResponse>(
      server, MethodPath("StreamGenerate"),
      [this](rpc::ServerCall& call, GenerateRequest request,
             rpc::ServerWriter<StreamGenerateResponse>& writer) {
        return StreamGenerate(call, std::move(request), writer);
      });
  rpc::RegisterUnary<GenerateRequest, GenerateResponse>(
      server, MethodPath("Generate"), [this](rpc::ServerCall& call, GenerateRequest request) {
        return Generate(call, std::move(request));
      });
  RegisterImmediate<TokenizeRequest, TokenizeResponse>(
      server, "Tokenize", [this](const auto& request) { return Tokenize(request); });
  RegisterImmediate<DetokenizeRequest, DetokenizeResponse>(
      server, "Detokenize", [this](const auto& request) { return Detokenize(request); });
  RegisterImmediate<EmbedRequest, EmbedResponse>(
      server, "Embed", [this](const auto& request) { return Embed(request); });
  RegisterImmediate<ListModelsRequest, ListModelsResponse>(
      server, "ListModels", [this](const auto& request) { return ListModels(request); });
  RegisterImmediate<GetModelRequest, GetModelResponse>(
      server, "GetModel", [this](const auto& request) { return GetModel(request); });
}

absl::Status MockInferenceService::CheckModel(const std::string& name) const {
  if (name.empty() || name == model_.name()) return absl::OkStatus();
  return status::NotFound("model", name, absl::StrCat("this worker has ", model_.name()));
}

absl::StatusOr<MockInferenceService::Admitted> MockInferenceService::Admit(
    const rpc::ServerCall& call, const inference::v1::GenerateRequest& request) {
  ABSL_RETURN_IF_ERROR(inference::CheckForWorker(request));
  ABSL_RETURN_IF_ERROR(CheckModel(request.model()));
  ABSL_ASSIGN_OR_RETURN(GenerationPlan plan, PlanGeneration(request, behaviour_, worker_id_));
  if (plan.behaviour.refuse.has_value()) {
    return status::Error(*plan.behaviour.refuse, "MOCK_FAULT", "asked to refuse");
  }
  if (load_.draining()) return status::Unavailable("DRAINING", "draining", kRetryDelay);
  if (plan.behaviour.full) return WorkerFull();
  std::optional<WorkerLoad::Slot> slot =
      load_.Enter(call.Metadata(kRouterIdKey).value_or(std::string_view()));
  if (!slot.has_value()) return WorkerFull();
  inference::v1::Started started;
  started.set_request_id(request.request_id());
  started.set_model(model_.name());
  started.set_model_fingerprint(model_.fingerprint());
  started.set_worker_id(worker_id_);
  started.set_prompt_tokens(plan.prompt_tokens);
  started.set_seed(request.sampling().seed());
  return Admitted{std::move(plan), std::move(started), *std::move(slot)};
}

concurrency::Task<absl::Status> MockInferenceService::StreamGenerate(
    rpc::ServerCall& call, inference::v1::GenerateRequest request,
    rpc::ServerWriter<inference::v1::StreamGenerateResponse>& writer) {
  absl::StatusOr<Admitted> admitted = Admit(call, request);
  if (!admitted.ok()) co_return std::move(admitted).status();
  Generation generation(call, load_, breath_, admitted->plan);
  co_return co_await generation.Stream(writer, admitted->started);
}

concurrency::Task<absl::StatusOr<inference::v1::GenerateResponse>> MockInferenceService::Generate(
    rpc::ServerCall& call, inference::v1::GenerateRequest request) {
  absl::StatusOr<Admitted> admitted = Admit(call, request);
  if (!admitted.ok()) co_return std::move(admitted).status();
  Generation generation(call, load_, breath_, admitted->plan);
  co_return co_await generation.Answer(admitted->started);
}

absl::StatusOr<inference::v1::TokenizeResponse> MockInferenceService::Tokenize(
    const inference::v1::TokenizeRequest& request) const {
  ABSL_RETURN_IF_ERROR(CheckModel(request.model()));
  inference::v1::TokenizeResponse response;
  for (char c : request.text()) {
    response.add_token_ids(static_cast<uint8_t>(c));
    if (request.with_pieces()) response.add_pieces(std::string(1, c));
  }
  response.set_model_fingerprint(model_.fingerprint());
  return response;
}

absl::StatusOr<inference::v1::DetokenizeResponse> MockInferenceService::Detokenize(
    const inference::v1::DetokenizeRequest& request) const {
  ABSL_RETURN_IF_ERROR(CheckModel(request.model()));
  inference::v1::DetokenizeResponse response;
  for (uint32_t id : request.token_ids()) {
    if (id > 0x7F) return status::InvalidArgument("token_ids", "the mock's tokens are ASCII");
    response.mutable_text()->push_back(static_cast<char>(id));
  }
  return response;
}

absl::StatusOr<inference::v1::EmbedResponse> MockInferenceService::Embed(
    const inference::v1::EmbedRequest& request) const {
  ABSL_RETURN_IF_ERROR(CheckModel(request.model()));
  inference::v1::EmbedResponse response;
  response.set_model(model_.name());
  response.set_model_fingerprint(model_.fingerprint());
  for (const inference::v1::EmbedInput& input : request.inputs()) {
    const uint64_t hash = PromptHash(input.text());
    inference::v1::Embedding& embedding = *response.add_embeddings();
    for (int i = 0; i < kEmbeddingLength; ++i) {
      embedding.add_values(static_cast<float>((hash >> (8 * i)) & 0xFF) / 255);
    }
  }
  return response;
}

absl::StatusOr<inference::v1::ListModelsResponse> MockInferenceService::ListModels(
    const inference::v1::ListModelsRequest&) const {
  inference::v1::ListModelsResponse response;
  *response.add_models() = model_;
  return response;
}

absl::StatusOr<inference::v1::GetModelResponse> MockInferenceService::GetModel(
    const inference::v1::GetModelRequest& request) const {
  ABSL_RETURN_IF_ERROR(CheckModel(request.name()));
  inference::v1::GetModelResponse response;
  *response.mutable_model() = model_;
  return response;
}

}  // namespace chasqui::mock_worker
