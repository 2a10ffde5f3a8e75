// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/generate/request_mapping.h"

#include <algorithm>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/inference/violations.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "google/protobuf/duration.pb.h"
#include "services/inference-worker/context/plan.h"
#include "services/inference-worker/format/output_format.h"
#include "services/inference-worker/model/prompt_tokens.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;

// Ids as they came: the engine names all that are not in the vocabulary, those of every field at
// once.
TokenIds AsTokens(const google::protobuf::RepeatedField<std::uint32_t>& ids) {
  return {ids.begin(), ids.end()};
}

absl::Status MapChat(const v1::GenerateRequest& request, const Model& model,
                     const ContextPlan& plan, MappedRequest& mapped) {
  // Without room for any prompt it is max_tokens that is wrong, as the engine will say.
  const bool truncates =
      request.context_policy().overflow() == v1::ContextPolicy::OVERFLOW_TRUNCATE_OLDEST &&
      plan.prompt_tokens > 0;
  ABSL_ASSIGN_OR_RETURN(RenderedChat chat,
                        truncates ? RenderNewest(request.chat(), model, plan.prompt_tokens)
                                  : RenderChat(request.chat(), model));
  mapped.generation.prompt = std::move(chat.tokens);
  mapped.truncated_messages = chat.dropped_messages;
  mapped.truncated_prompt_tokens = chat.dropped_tokens;
  mapped.syntax = SyntaxOf(request.chat(), model);
  mapped.generation.visible_markers = VisibleMarkers(request.chat(), model);
  if (request.chat().tool_choice().mode() == v1::ToolChoice::MODE_REQUIRED) {
    ABSL_ASSIGN_OR_RETURN(mapped.generation.grammar, RequiredCallGrammar(request.chat(), model));
  }
  if (request.echo()) mapped.echo = std::move(chat.text);
  return absl::OkStatus();
}

absl::Status MapInput(const v1::GenerateRequest& request, const Model& model,
                      const ContextPlan& plan, MappedRequest& mapped) {
  const Vocabulary& vocabulary = model.vocabulary();
  if (request.has_chat()) return MapChat(request, model, plan, mapped);
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

// A request that says nothing of output or reserve is left to the engine, which knows the rest.
absl::Status CheckReserve(const v1::GenerateRequest& request, std::size_t prompt_tokens,
                          const ContextPlan& plan) {
  const bool reserves =
      request.stop().max_tokens() == 0 &&
      request.context_policy().reserve() != v1::ContextPolicy::RESERVE_UNSPECIFIED;
  if (!reserves || prompt_tokens <= plan.prompt_tokens) return absl::OkStatus();
  return status::InvalidArgument(
      "input",
      absl::StrCat("the prompt has ", prompt_tokens, " tokens, the context has ",
                   plan.prompt_tokens, " for it: context_policy.reserve keeps ", plan.output_tokens,
                   " of ", plan.prompt_tokens + plan.output_tokens, " for the output"));
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

std::string KnownAdapters(const Model& model) {
  if (model.adapters().empty()) return "the model has none";
  return absl::StrCat("must be one of ",
                      absl::StrJoin(model.adapters(), ", ", [](std::string* out, const Adapter& a) {
                        absl::StrAppend(out, a.name);
                      }));
}

// In an order of their own, so that the same adapters are the same set in whatever order they came.
absl::Status MapAdapters(const v1::GenerateRequest& request, const Model& model,
                         GenerationRequest& generation) {
  inference::Violations violations;
  std::vector<std::pair<const Adapter*, float>> chosen;
  for (int i = 0; i < request.lora_adapters_size(); ++i) {
    const v1::LoraAdapter& wanted = request.lora_adapters(i);
    const Adapter* adapter = model.FindAdapter(wanted.name());
    if (adapter == nullptr) {
      violations.Add(absl::StrCat("lora_adapters[", i, "].name"),
                     absl::StrCat(KnownAdapters(model), ", is \"", wanted.name(), "\""));
      continue;
    }
    const float scale = wanted.has_scale() ? wanted.scale() : adapter->scale;
    if (scale != 0) chosen.emplace_back(adapter, scale);
  }
  std::ranges::sort(chosen);  // the model's are in the order of their names
  for (const auto& [adapter, scale] : chosen)
    generation.adapters.push_back({.adapter = adapter->lora, .scale = scale});
  return violations.ToStatus();
}

}  // namespace

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
                                         std::uint32_t context_tokens, std::uint64_t seed) {
  MappedRequest mapped;
  MapStop(request.stop(), mapped.generation);
  mapped.generation.sampling = ResolveSampling(request.sampling(), seed);
  ABSL_ASSIGN_OR_RETURN(mapped.generation.grammar, OutputGrammar(request.output_format()));
  MapCandidates(request, mapped.generation);
  ABSL_RETURN_IF_ERROR(MapAdapters(request, model, mapped.generation));
  const ContextPlan plan = PlanContext({.context_tokens = context_tokens,
                                        .max_tokens = request.stop().max_tokens(),
                                        .overflow = request.context_policy().overflow(),
                                        .reserve = request.context_policy().reserve()});
  ABSL_RETURN_IF_ERROR(MapInput(request, model, plan, mapped));
  ABSL_RETURN_IF_ERROR(CheckReserve(request, mapped.generation.prompt.size(), plan));
  return mapped;
}

std::size_t PromptBytes(const v1::GenerateRequest& request) {
  return request.prompt().size() + TextBytes(request.chat());
}

}  // namespace chasqui::worker
