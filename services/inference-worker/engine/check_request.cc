// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/check_request.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/inference/violations.h"

namespace chasqui::worker {
namespace {

void CheckIds(std::string_view field, const TokenIds& ids, const RequestBounds& bounds,
              inference::Violations& violations) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0 && static_cast<std::uint32_t>(ids[i]) < bounds.vocabulary_size) continue;
    violations.Add(absl::StrCat(field, "[", i, "]"),
                   absl::StrCat("must be below ", bounds.vocabulary_size,
                                ", the size of the model's vocabulary, is ",
                                static_cast<std::uint32_t>(ids[i])));
  }
}

void CheckLengths(const GenerationRequest& request, const RequestBounds& bounds,
                  inference::Violations& violations) {
  const std::size_t prompt = request.prompt.size();
  if (prompt == 0) violations.Add("input", "must give at least one token");
  if (prompt >= bounds.context_tokens) {
    violations.Add("input", absl::StrCat("the prompt has ", prompt, " tokens, the context has ",
                                         bounds.context_tokens, " for prompt and output"));
  } else if (prompt + request.max_tokens > bounds.context_tokens) {
    violations.Add("stop.max_tokens",
                   absl::StrCat("must be at most ", bounds.context_tokens - prompt,
                                ", what the prompt's ", prompt, " tokens leave of the context's ",
                                bounds.context_tokens, ", is ", request.max_tokens));
  } else if (request.resume.size() > MostTokens(request, bounds)) {
    violations.Add(
        "resume.candidates[0].token_ids",
        absl::StrCat("must be at most ", MostTokens(request, bounds),
                     " tokens, as many as the answer may have, is ", request.resume.size()));
  }
}

}  // namespace

std::uint32_t MostTokens(const GenerationRequest& request, const RequestBounds& bounds) {
  if (request.max_tokens > 0) return request.max_tokens;
  return bounds.context_tokens - static_cast<std::uint32_t>(request.prompt.size());
}

absl::Status CheckRequest(const GenerationRequest& request, const RequestBounds& bounds) {
  inference::Violations violations;
  CheckLengths(request, bounds, violations);
  CheckIds("tokens.ids", request.prompt, bounds, violations);
  CheckIds("stop.token_ids", request.stop_tokens, bounds, violations);
  CheckIds("resume.candidates[0].token_ids", request.resume, bounds, violations);
  for (const auto& [token, bias] : request.sampling.logit_bias) {
    if (token >= 0 && static_cast<std::uint32_t>(token) < bounds.vocabulary_size) continue;
    violations.Add("sampling.logit_bias",
                   absl::StrCat("token ids must be below ", bounds.vocabulary_size,
                                ", the size of the model's vocabulary, one is ",
                                static_cast<std::uint32_t>(token)));
  }
  if (!request.resume.empty() && request.sampling.mirostat)
    violations.Add("resume", "cannot be combined with sampling.mirostat, whose state is lost");
  return violations.ToStatus();
}

}  // namespace chasqui::worker
