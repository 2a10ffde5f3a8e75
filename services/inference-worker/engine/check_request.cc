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
  } else if (!request.shift && prompt + request.max_tokens > bounds.context_tokens) {
    violations.Add("stop.max_tokens",
                   absl::StrCat("must be at most ", bounds.context_tokens - prompt,
                                ", what the prompt's ", prompt, " tokens leave of the context's ",
                                bounds.context_tokens, ", is ", request.max_tokens));
  }
}

std::string ResumeField(std::size_t candidate) {
  return absl::StrCat("resume.candidates[", candidate, "].token_ids");
}

void CheckResume(const GenerationRequest& request, const RequestBounds& bounds,
                 inference::Violations& violations) {
  if (request.resume.empty()) return;
  if (request.sampling.mirostat)
    violations.Add("resume", "cannot be combined with sampling.mirostat, whose state is lost");
  if (request.prompt.size() >= bounds.context_tokens) return;  // said already
  const std::uint32_t most = MostTokens(request, bounds);
  for (std::size_t i = 0; i < request.resume.size(); ++i) {
    const std::size_t count = request.resume[i].size();
    CheckIds(ResumeField(i), request.resume[i], bounds, violations);
    if (count > most) {
      violations.Add(ResumeField(i),
                     absl::StrCat("must be at most ", most, " tokens, as many as the ",
                                  "answer may have, is ", count));
    }
    if (request.shift && request.prompt.size() + count >= bounds.context_tokens) {
      violations.Add(ResumeField(i),
                     "cannot be taken up: the context was shifted, and what it held is lost");
    }
  }
}

void CheckCandidates(const GenerationRequest& request, const RequestBounds& bounds,
                     inference::Violations& violations) {
  if (request.candidates > bounds.slots) {
    violations.Add("n", absl::StrCat("must be at most ", bounds.slots, ", this worker's slots, is ",
                                     request.candidates));
  }
  if (request.shift && !bounds.can_shift)
    violations.Add("context_policy.overflow", "this model's memory cannot be shifted");
  if (request.shift && request.shift->keep_tokens >= bounds.context_tokens) {
    violations.Add("context_policy.keep_tokens",
                   absl::StrCat("must be below ", bounds.context_tokens,
                                ", the tokens of the context, is ", request.shift->keep_tokens));
  }
}

}  // namespace

std::uint32_t MostTokens(const GenerationRequest& request, const RequestBounds& bounds) {
  if (request.max_tokens > 0) return request.max_tokens;
  if (request.shift) return kMostShiftedTokens;
  return bounds.context_tokens - static_cast<std::uint32_t>(request.prompt.size());
}

absl::Status CheckRequest(const GenerationRequest& request, const RequestBounds& bounds) {
  inference::Violations violations;
  CheckLengths(request, bounds, violations);
  CheckIds("tokens.ids", request.prompt, bounds, violations);
  CheckIds("stop.token_ids", request.stop_tokens, bounds, violations);
  CheckResume(request, bounds, violations);
  CheckCandidates(request, bounds, violations);
  for (const auto& [token, bias] : request.sampling.logit_bias) {
    if (token >= 0 && static_cast<std::uint32_t>(token) < bounds.vocabulary_size) continue;
    violations.Add("sampling.logit_bias",
                   absl::StrCat("token ids must be below ", bounds.vocabulary_size,
                                ", the size of the model's vocabulary, one is ",
                                static_cast<std::uint32_t>(token)));
  }
  return violations.ToStatus();
}

}  // namespace chasqui::worker
