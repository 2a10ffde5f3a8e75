// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/generation_plan.h"

#include <algorithm>
#include <string>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "tools/mock-worker/mock_model.h"
#include "tools/mock-worker/text.h"

namespace chasqui::mock_worker {
namespace {

// The position after the tokens that are resumed, the same for all candidates.
absl::StatusOr<uint64_t> ResumedPosition(const inference::v1::ResumePoint& resume,
                                         uint64_t prompt_hash) {
  uint64_t position = 0;
  for (const auto& candidate : resume.candidates()) {
    for (int i = 0; i < candidate.token_ids_size(); ++i) {
      const uint32_t expected = TokenIdAt(prompt_hash, candidate.index(), i);
      if (candidate.token_ids(i) == expected) continue;
      return status::InvalidArgument(
          "resume.candidates",
          absl::StrCat("token ", i, " of candidate ", candidate.index(), " is ",
                       candidate.token_ids(i), ", the model makes ", expected));
    }
    position = std::max<uint64_t>(position, candidate.token_ids_size());
  }
  return position;
}

}  // namespace

absl::StatusOr<GenerationPlan> PlanGeneration(const inference::v1::GenerateRequest& request,
                                              const Behaviour& defaults,
                                              std::string_view worker_id) {
  const std::string prompt = InputText(request);
  absl::StatusOr<Behaviour> behaviour = BehaviourOf(prompt, defaults);
  if (!behaviour.ok()) return status::InvalidArgument("prompt", behaviour.status().message());
  if (request.has_resume() || (!behaviour->on.empty() && behaviour->on != worker_id)) {
    behaviour = WithoutFaults(*behaviour);
  }
  GenerationPlan plan{.behaviour = *behaviour, .prompt_hash = PromptHash(prompt)};
  plan.prompt_tokens = static_cast<uint32_t>(prompt.size());
  plan.candidates = std::max<uint32_t>(request.n(), 1);
  plan.end = plan.behaviour.tokens;
  if (const uint64_t most = request.stop().max_tokens(); most > 0 && most <= plan.end) {
    plan.end = most;
    plan.finish_reason = inference::v1::FINISH_REASON_MAX_TOKENS;
  }
  if (request.has_resume()) {
    ABSL_ASSIGN_OR_RETURN(plan.first, ResumedPosition(request.resume(), plan.prompt_hash));
    plan.next_sequence = request.resume().next_sequence();
  }
  return plan;
}

}  // namespace chasqui::mock_worker
