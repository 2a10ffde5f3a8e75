// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/generate/chat_mapping.h"
#include "services/inference-worker/model/model.h"

namespace chasqui::worker {

// A request in the engine's terms.
struct MappedRequest {
  GenerationRequest generation;
  std::string echo;                    // the prompt's text, when it is to be put before the answer
  std::optional<AnswerSyntax> syntax;  // nothing: the answer is text from end to end
  std::uint32_t truncated_messages = 0;
  std::uint32_t truncated_prompt_tokens = 0;
};

// `ids` as tokens, or INVALID_ARGUMENT naming the first that is not in the vocabulary; `field` is
// their path in the request.
absl::StatusOr<TokenIds> CheckTokens(std::string_view field,
                                     const google::protobuf::RepeatedField<std::uint32_t>& ids,
                                     const Vocabulary& vocabulary);

// Translates a request that common/inference has found valid. `seed` stands in when it has none;
// `context_tokens` are for prompt and output together. Token ids are passed on unchecked: the
// engine knows the vocabulary. INVALID_ARGUMENT when the model has no adapter of a name, or the
// prompt leaves less of the context than the context policy reserves. Takes time with the length of
// the prompt. Pure.
absl::StatusOr<MappedRequest> MapRequest(const inference::v1::GenerateRequest& request,
                                         const Model& model, std::uint32_t context_tokens,
                                         std::uint64_t seed);

// How much text the request's prompt has, in bytes: what MapRequest's time grows with.
std::size_t PromptBytes(const inference::v1::GenerateRequest& request);

}  // namespace chasqui::worker
