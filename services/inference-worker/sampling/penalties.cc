// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/penalties.h"

namespace chasqui::worker {

void Penalties::Accept(std::int32_t token) {
  if (params_.last_n == 0) return;
  if (window_.size() == params_.last_n) {
    const auto oldest = counts_.find(window_.front());
    if (--oldest->second == 0) counts_.erase(oldest);
    window_.pop_front();
  }
  window_.push_back(token);
  ++counts_[token];
}

void Penalties::Apply(std::span<float> logits) const {
  for (const auto& [token, count] : counts_) {
    float& logit = logits[static_cast<std::size_t>(token)];
    // Dividing a negative logit would make it likelier.
    logit = logit > 0 ? logit / params_.repeat : logit * params_.repeat;
    logit -= static_cast<float>(count) * params_.frequency + params_.presence;
  }
}

}  // namespace chasqui::worker
