// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/inference_method.h"

#include <algorithm>
#include <concepts>
#include <utility>

#include <google/protobuf/arena.h>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "chasqui/inference/v1/text.pb.h"
#include "common/inference/validate.h"
#include "common/rpc/message.h"
#include "common/status/status.h"
#include "services/router/request/prompt_prefix.h"

namespace chasqui::router {
namespace {

using inference::v1::ApplyTemplateRequest;
using inference::v1::DetokenizeRequest;
using inference::v1::EmbedRequest;
using inference::v1::GenerateRequest;
using inference::v1::RerankRequest;
using inference::v1::TokenizeRequest;

// Whether nothing in it means something to one model only.
bool SuitsAnyModel(const GenerateRequest& request) {
  return !request.has_tokens() && !request.has_resume() && request.lora_adapters().empty() &&
         request.sampling().logit_bias().empty() && request.stop().token_ids().empty();
}

Priority PriorityOf(const GenerateRequest& request) {
  switch (request.priority()) {
    case inference::v1::PRIORITY_LOW:
      return Priority::kLow;
    case inference::v1::PRIORITY_HIGH:
      return Priority::kHigh;
    default:
      return Priority::kNormal;
  }
}

template <typename Request>
absl::StatusOr<Asked> Read(const grpc::ByteBuffer& bytes, std::size_t prefix_block_bytes) {
  google::protobuf::Arena arena;
  auto& request = *google::protobuf::Arena::CreateMessage<Request>(&arena);
  if (!rpc::Parse(bytes, request)) {
    return status::InvalidArgument(
        "", absl::StrCat("the bytes are not a ", Request::descriptor()->full_name()));
  }
  ABSL_RETURN_IF_ERROR(inference::Validate(request));
  Asked asked{.model = request.model()};
  if constexpr (requires { EstimateTokens(request); }) asked.tokens = EstimateTokens(request);
  if constexpr (requires { request.request_id(); }) asked.request_id = request.request_id();
  if constexpr (std::same_as<Request, GenerateRequest>) {
    if (request.has_model_requirements()) asked.requirements = request.model_requirements();
    asked.any_model = SuitsAnyModel(request);
    asked.priority = PriorityOf(request);
    if (prefix_block_bytes != 0) asked.prefix = PromptPrefix(request, prefix_block_bytes);
    asked.only_remembered =
        request.cache_policy().mode() == inference::v1::CachePolicy::MODE_REQUIRE;
    asked.answers = std::max(request.n(), 1u);
    if (request.has_resume()) asked.resume = std::move(*request.mutable_resume());
  }
  return asked;
}

template <typename Request>
constexpr InferenceMethod Unary(std::string_view name, bool takes_slot) {
  return {.name = name,
          .kind = rpc::MethodKind::kUnary,
          .takes_slot = takes_slot,
          .model_field = Request::kModelFieldNumber,
          .request_id_field = 0,
          .read = &Read<Request>};
}

constexpr InferenceMethod Generating(std::string_view name, rpc::MethodKind kind) {
  return {.name = name,
          .kind = kind,
          .takes_slot = true,
          .model_field = GenerateRequest::kModelFieldNumber,
          .request_id_field = GenerateRequest::kRequestIdFieldNumber,
          .read = &Read<GenerateRequest>};
}

constexpr InferenceMethod kMethods[] = {
    Generating("Generate", rpc::MethodKind::kUnary),
    Generating("StreamGenerate", rpc::MethodKind::kServerStream),
    Unary<EmbedRequest>("Embed", /*takes_slot=*/true),
    Unary<RerankRequest>("Rerank", /*takes_slot=*/true),
    Unary<TokenizeRequest>("Tokenize", /*takes_slot=*/false),
    Unary<DetokenizeRequest>("Detokenize", /*takes_slot=*/false),
    Unary<ApplyTemplateRequest>("ApplyTemplate", /*takes_slot=*/false),
};

}  // namespace

std::span<const InferenceMethod> InferenceMethods() { return kMethods; }

const InferenceMethod& ResumeMethod() {
  static constexpr InferenceMethod kResume =
      Generating("ResumeStream", rpc::MethodKind::kServerStream);
  return kResume;
}

std::string InferencePath(std::string_view name) {
  return absl::StrCat("/chasqui.inference.v1.InferenceService/", name);
}

}  // namespace chasqui::router
