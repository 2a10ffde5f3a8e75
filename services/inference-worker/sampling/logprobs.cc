// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/logprobs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "services/inference-worker/sampling/candidates.h"

namespace chasqui::worker {

TokenLogprob MeasureLogprob(std::span<const float> logits, std::int32_t token, std::uint32_t top) {
  const std::int32_t best = ArgMax(logits);
  const double greatest = best < 0 ? 0 : logits[static_cast<std::size_t>(best)];
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - greatest);
  const double log_sum = greatest + std::log(sum);
  const auto logprob = [&](float logit) { return static_cast<float>(logit - log_sum); };

  TokenLogprob measured{.id = token, .logprob = logprob(logits[static_cast<std::size_t>(token)])};
  if (top == 0) return measured;
  Candidates likeliest;
  SelectTop(logits, top, std::numeric_limits<float>::lowest(), likeliest);
  for (const Candidate& c : likeliest) measured.top.push_back({c.id, logprob(c.logit)});
  return measured;
}

}  // namespace chasqui::worker
