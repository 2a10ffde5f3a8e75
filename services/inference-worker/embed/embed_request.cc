// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/embed/embed_request.h"

#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/inference-worker/generate/request_mapping.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;

EmbedPooling MapPooling(v1::Pooling pooling) {
  switch (pooling) {
    case v1::POOLING_MEAN:
      return EmbedPooling::kMean;
    case v1::POOLING_CLS:
      return EmbedPooling::kCls;
    case v1::POOLING_LAST:
      return EmbedPooling::kLast;
    default:
      return EmbedPooling::kModelDefault;
  }
}

absl::StatusOr<std::vector<TokenIds>> MapInputs(const v1::EmbedRequest& request,
                                                const Vocabulary& vocabulary) {
  std::vector<TokenIds> inputs;
  for (int i = 0; i < request.inputs_size(); ++i) {
    const auto& input = request.inputs(i);
    if (input.has_tokens()) {
      ABSL_ASSIGN_OR_RETURN(TokenIds tokens, CheckTokens(absl::StrCat("inputs[", i, "].tokens.ids"),
                                                         input.tokens().ids(), vocabulary));
      inputs.push_back(std::move(tokens));
      continue;
    }
    TokenIds tokens = vocabulary.Tokenize(input.text(), Markers::kAreText);
    vocabulary.AddBegin(tokens);
    vocabulary.AddEnd(tokens);
    inputs.push_back(std::move(tokens));
  }
  return inputs;
}

absl::Status CheckDimensions(std::uint32_t asked, std::uint32_t length) {
  if (asked <= length) return absl::OkStatus();
  return status::InvalidArgument(
      "dimensions", absl::StrCat("must be at most ", length, " for this model, is ", asked));
}

}  // namespace

absl::StatusOr<v1::EmbedResponse> AnswerEmbed(HostedModel& hosted,
                                              const v1::EmbedRequest& request) {
  const ModelFacts& facts = hosted.model()->facts();
  ABSL_RETURN_IF_ERROR(CheckDimensions(request.dimensions(), facts.embedding_length));
  ABSL_ASSIGN_OR_RETURN(const std::vector<TokenIds> inputs,
                        MapInputs(request, hosted.model()->vocabulary()));
  ABSL_ASSIGN_OR_RETURN(Embedder * embedder, hosted.embedder());
  ABSL_ASSIGN_OR_RETURN(std::vector<std::vector<float>> vectors,
                        embedder->Embed(inputs, MapPooling(request.pooling())));

  v1::EmbedResponse response;
  response.set_model(hosted.name());
  response.set_model_fingerprint(facts.fingerprint);
  for (auto& vector : vectors) {
    if (request.dimensions() > 0) vector.resize(request.dimensions());
    if (!request.has_normalize() || request.normalize()) Normalize(vector);
    response.add_embeddings()->mutable_values()->Assign(vector.begin(), vector.end());
  }
  std::size_t tokens = 0;
  for (const auto& input : inputs) tokens += input.size();
  response.mutable_usage()->set_prompt_tokens(static_cast<std::uint32_t>(tokens));
  return response;
}

}  // namespace chasqui::worker
