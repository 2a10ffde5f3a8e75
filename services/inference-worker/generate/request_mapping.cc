// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/generate/request_mapping.h"

#include <algorithm>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "google/protobuf/duration.pb.h"
#include "services/inference-worker/format/output_format.h"
#include "services/inference-worker/model/prompt_tokens.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;

std::string_view RoleName(v1::Role role) {
  switch (role) {
    case v1::ROLE_SYSTEM:
      return "system";
    case v1::ROLE_ASSISTANT:
      return "assistant";
    case v1::ROLE_TOOL:
      return "tool";
    default:
      return "user";
  }
}

// Ids as they came: the engine names all that are not in the vocabulary, those of every field at
// once.
TokenIds AsTokens(const google::protobuf::RepeatedField<std::uint32_t>& ids) {
  return {ids.begin(), ids.end()};
}

absl::Status MapInput(const v1::GenerateRequest& request, const Model& model,
                      MappedRequest& mapped) {
  const Vocabulary& vocabulary = model.vocabulary();
  if (request.has_chat()) {
    ABSL_ASSIGN_OR_RETURN(RenderedChat chat, RenderChat(request.chat(), model));
    mapped.generation.prompt = std::move(chat.tokens);
    if (request.echo()) mapped.echo = std::move(chat.text);
    return absl::OkStatus();
  }
  if (request.has_tokens()) {
    mapped.generation.prompt = AsTokens(request.tokens().ids());
    const bool known = std::ranges::all_of(
        request.tokens().ids(), [&](std::uint32_t id) { return vocabulary.Contains(id); });
    if (request.echo() && known)
      mapped.echo = vocabulary.Detokenize(mapped.generation.prompt, false);
    return absl::OkStatus();
  }
  mapped.generation.prompt = TokenizePrompt(vocabulary, request.prompt());
  if (request.echo()) mapped.echo = request.prompt();
  return absl::OkStatus();
}

void MapStop(const v1::StopOptions& stop, GenerationRequest& generation) {
  generation.max_tokens = stop.max_tokens();
  generation.min_tokens = stop.min_tokens();
  generation.stop_strings.assign(stop.strings().begin(), stop.strings().end());
  generation.stop_tokens = AsTokens(stop.token_ids());
  generation.include_stop = stop.include_stop();
  generation.ignore_eos = stop.ignore_eos();
  if (stop.has_max_time()) generation.max_time = service::ToDuration(stop.max_time());
}

// What a shift keeps when the request does not say: the first tokens, to which attention is drawn
// whatever they say (attention sinks: Xiao et al., 2023, arXiv:2309.17453).
constexpr std::uint32_t kAttentionSinks = 4;

void MapCandidates(const v1::GenerateRequest& request, GenerationRequest& generation) {
  generation.candidates = std::max(1U, request.n());
  if (request.has_logprobs()) generation.logprobs = request.logprobs().top();
  const auto& policy = request.context_policy();
  if (policy.overflow() == v1::ContextPolicy::OVERFLOW_SHIFT) {
    const std::uint32_t keep = policy.keep_tokens();
    generation.shift.emplace(ContextShift{.keep_tokens = keep > 0 ? keep : kAttentionSinks});
  }
  if (!request.has_resume()) return;
  generation.resume.resize(generation.candidates);
  for (const auto& candidate : request.resume().candidates())
    generation.resume[candidate.index()] = AsTokens(candidate.token_ids());
}

}  // namespace

absl::StatusOr<RenderedChat> RenderChat(const v1::ChatInput& chat, const Model& model) {
  std::vector<ChatTurn> turns;
  for (const auto& message : chat.messages()) {
    ChatTurn& turn = turns.emplace_back();
    turn.role = RoleName(message.role());
    for (const auto& part : message.parts()) turn.content += part.text();
  }
  const bool add_generation_prompt =
      !chat.has_add_generation_prompt() || chat.add_generation_prompt();
  ABSL_ASSIGN_OR_RETURN(const std::vector<PromptPiece> pieces,
                        model.chat_template().Render(turns, add_generation_prompt));
  return RenderedChat{.text = JoinPieces(pieces),
                      .tokens = TokenizeChat(model.vocabulary(), pieces)};
}

absl::StatusOr<TokenIds> CheckTokens(std::string_view field,
                                     const google::protobuf::RepeatedField<std::uint32_t>& ids,
                                     const Vocabulary& vocabulary) {
  TokenIds tokens;
  tokens.reserve(static_cast<std::size_t>(ids.size()));
  for (const std::uint32_t id : ids) {
    if (!vocabulary.Contains(id)) {
      return status::InvalidArgument(
          absl::StrCat(field, "[", tokens.size(), "]"),
          absl::StrCat(id, " is no token of this model, which has ", vocabulary.size()));
    }
    tokens.push_back(static_cast<TokenId>(id));
  }
  return tokens;
}

absl::StatusOr<MappedRequest> MapRequest(const v1::GenerateRequest& request, const Model& model,
                                         std::uint64_t seed) {
  MappedRequest mapped;
  MapStop(request.stop(), mapped.generation);
  mapped.generation.sampling = ResolveSampling(request.sampling(), seed);
  ABSL_ASSIGN_OR_RETURN(mapped.generation.grammar, OutputGrammar(request.output_format()));
  MapCandidates(request, mapped.generation);
  ABSL_RETURN_IF_ERROR(MapInput(request, model, mapped));
  return mapped;
}

std::size_t TextBytes(const v1::ChatInput& chat) {
  std::size_t bytes = 0;
  for (const auto& message : chat.messages()) {
    for (const auto& part : message.parts()) bytes += part.text().size();
  }
  return bytes;
}

std::size_t PromptBytes(const v1::GenerateRequest& request) {
  return request.prompt().size() + TextBytes(request.chat());
}

}  // namespace chasqui::worker
