// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/text_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/inference/validate.h"
#include "common/status/status.h"
#include "services/inference-worker/embed/embed_request.h"
#include "services/inference-worker/embed/rerank_request.h"
#include "services/inference-worker/generate/request_mapping.h"
#include "services/inference-worker/text/utf8_assembler.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using concurrency::Task;

constexpr std::string_view kService = "/chasqui.inference.v1.InferenceService/";

std::string Path(std::string_view method) { return absl::StrCat(kService, method); }

absl::StatusOr<v1::TokenizeResponse> DoTokenize(HostedModel& hosted,
                                                const v1::TokenizeRequest& request) {
  const Vocabulary& vocabulary = hosted.model()->vocabulary();
  TokenIds tokens = vocabulary.Tokenize(
      request.text(), request.parse_special() ? Markers::kAreTokens : Markers::kAreText);
  if (request.add_special()) {
    vocabulary.AddBegin(tokens);
    vocabulary.AddEnd(tokens);
  }
  v1::TokenizeResponse response;
  response.set_model_fingerprint(hosted.model()->facts().fingerprint);
  for (const TokenId token : tokens) {
    response.add_token_ids(static_cast<std::uint32_t>(token));
    if (request.with_pieces()) response.add_pieces(vocabulary.Piece(token, true));
  }
  return response;
}

absl::StatusOr<v1::DetokenizeResponse> DoDetokenize(HostedModel& hosted,
                                                    const v1::DetokenizeRequest& request) {
  const Vocabulary& vocabulary = hosted.model()->vocabulary();
  ABSL_ASSIGN_OR_RETURN(const TokenIds tokens,
                        CheckTokens("token_ids", request.token_ids(), vocabulary));
  v1::DetokenizeResponse response;
  Utf8Assembler utf8;
  utf8.Append(vocabulary.Detokenize(tokens, request.special()), *response.mutable_text());
  utf8.Finish(*response.mutable_text());
  return response;
}

absl::StatusOr<v1::ApplyTemplateResponse> DoApplyTemplate(HostedModel& hosted,
                                                          const v1::ApplyTemplateRequest& request) {
  ABSL_ASSIGN_OR_RETURN(const RenderedChat chat, RenderChat(request.chat(), *hosted.model()));
  v1::ApplyTemplateResponse response;
  response.set_prompt(chat.text);
  for (const TokenId token : chat.tokens) response.add_token_ids(static_cast<std::uint32_t>(token));
  return response;
}

}  // namespace

template <typename Response, typename Request, typename Work>
Task<absl::StatusOr<Response>> TextService::OffLoop(rpc::ServerCall& call, Offload& thread,
                                                    Request request, Work work) {
  if (absl::Status valid = inference::Validate(request); !valid.ok()) co_return valid;
  auto hosted = co_await state_.lifecycle.Acquire(call, request.model());
  if (!hosted.ok()) co_return hosted.status();
  co_return co_await thread.Run(call.loop(),
                                [hosted = *std::move(hosted), request = std::move(request), work] {
                                  return work(*hosted, request);
                                });
}

void TextService::Register(rpc::Server& server) {
  rpc::RegisterUnary<v1::TokenizeRequest, v1::TokenizeResponse>(
      server, Path("Tokenize"), [this](rpc::ServerCall& call, v1::TokenizeRequest request) {
        return Tokenize(call, std::move(request));
      });
  rpc::RegisterUnary<v1::DetokenizeRequest, v1::DetokenizeResponse>(
      server, Path("Detokenize"), [this](rpc::ServerCall& call, v1::DetokenizeRequest request) {
        return Detokenize(call, std::move(request));
      });
  rpc::RegisterUnary<v1::ApplyTemplateRequest, v1::ApplyTemplateResponse>(
      server, Path("ApplyTemplate"),
      [this](rpc::ServerCall& call, v1::ApplyTemplateRequest request) {
        return ApplyTemplate(call, std::move(request));
      });
  rpc::RegisterUnary<v1::EmbedRequest, v1::EmbedResponse>(
      server, Path("Embed"), [this](rpc::ServerCall& call, v1::EmbedRequest request) {
        return Embed(call, std::move(request));
      });
  rpc::RegisterUnary<v1::ListModelsRequest, v1::ListModelsResponse>(
      server, Path("ListModels"),
      [this](rpc::ServerCall&, v1::ListModelsRequest) { return ListModels(); });
  rpc::RegisterUnary<v1::GetModelRequest, v1::GetModelResponse>(
      server, Path("GetModel"), [this](rpc::ServerCall&, v1::GetModelRequest request) {
        return GetModel(std::move(request));
      });
  rpc::RegisterUnary<v1::RerankRequest, v1::RerankResponse>(
      server, Path("Rerank"), [this](rpc::ServerCall& call, v1::RerankRequest request) {
        return Rerank(call, std::move(request));
      });
  rpc::RegisterServerStream<v1::ResumeStreamRequest, v1::StreamGenerateResponse>(
      server, Path("ResumeStream"),
      [](rpc::ServerCall&, v1::ResumeStreamRequest,
         rpc::ServerWriter<v1::StreamGenerateResponse>&) -> Task<absl::Status> {
        co_return status::Error(absl::StatusCode::kUnimplemented, "RESUME_STREAM",
                                "workers keep no streams: ask a router, or send the request again "
                                "with `resume`");
      });
}

Task<absl::StatusOr<v1::TokenizeResponse>> TextService::Tokenize(rpc::ServerCall& call,
                                                                 v1::TokenizeRequest request) {
  return OffLoop<v1::TokenizeResponse>(call, state_.offload, std::move(request), DoTokenize);
}

Task<absl::StatusOr<v1::DetokenizeResponse>> TextService::Detokenize(
    rpc::ServerCall& call, v1::DetokenizeRequest request) {
  return OffLoop<v1::DetokenizeResponse>(call, state_.offload, std::move(request), DoDetokenize);
}

Task<absl::StatusOr<v1::ApplyTemplateResponse>> TextService::ApplyTemplate(
    rpc::ServerCall& call, v1::ApplyTemplateRequest request) {
  return OffLoop<v1::ApplyTemplateResponse>(call, state_.offload, std::move(request),
                                            DoApplyTemplate);
}

Task<absl::StatusOr<v1::EmbedResponse>> TextService::Embed(rpc::ServerCall& call,
                                                           v1::EmbedRequest request) {
  if (absl::Status takes = state_.CheckTakesRequests(); !takes.ok()) co_return takes;
  co_return co_await OffLoop<v1::EmbedResponse>(call, state_.embeddings, std::move(request),
                                                AnswerEmbed);
}

Task<absl::StatusOr<v1::RerankResponse>> TextService::Rerank(rpc::ServerCall& call,
                                                             v1::RerankRequest request) {
  if (absl::Status takes = state_.CheckTakesRequests(); !takes.ok()) co_return takes;
  co_return co_await OffLoop<v1::RerankResponse>(call, state_.embeddings, std::move(request),
                                                 AnswerRerank);
}

Task<absl::StatusOr<v1::ListModelsResponse>> TextService::ListModels() {
  v1::ListModelsResponse response;
  for (const auto& hosted : state_.host.All()) *response.add_models() = hosted->Describe();
  for (auto& model : state_.lifecycle.NotLoaded()) *response.add_models() = std::move(model);
  co_return response;
}

Task<absl::StatusOr<v1::GetModelResponse>> TextService::GetModel(v1::GetModelRequest request) {
  if (request.name().empty()) co_return status::InvalidArgument("name", "must not be empty");
  v1::GetModelResponse response;
  auto hosted = state_.host.Find(request.name());
  if (hosted.ok()) {
    *response.mutable_model() = (*hosted)->Describe();
    co_return response;
  }
  for (auto& model : state_.lifecycle.NotLoaded()) {
    if (model.name() != request.name() && !std::ranges::contains(model.aliases(), request.name()))
      continue;
    *response.mutable_model() = std::move(model);
    co_return response;
  }
  co_return hosted.status();
}

}  // namespace chasqui::worker
