// SPDX-License-Identifier: Apache-2.0
#include "common/inference/remembered.h"

namespace chasqui::inference {

std::string WhyNotRemembered(const v1::GenerateRequest& request, bool seeded_is_deterministic) {
  const v1::SamplingOptions& sampling = request.sampling();
  if (request.has_resume()) return "it resumes a stream";
  if (!request.conversation_id().empty()) return "it goes on with a conversation";
  const bool greedy = sampling.has_temperature() && sampling.temperature() == 0;
  if (!greedy) {
    if (!sampling.has_seed()) return "it is drawn at random: temperature is not 0";
    if (!seeded_is_deterministic && !request.cache_policy().seeded_is_deterministic()) {
      return "it is drawn by a seed, and cache_policy.seeded_is_deterministic is not set";
    }
  }
  if (sampling.has_mirostat()) return "mirostat's state is lost with its worker";
  if (request.context_policy().overflow() == v1::ContextPolicy::OVERFLOW_SHIFT) {
    return "its context may be shifted, which is lost with its worker";
  }
  return "";
}

}  // namespace chasqui::inference
