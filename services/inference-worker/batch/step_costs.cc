// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/batch/step_costs.h"

#include <algorithm>
#include <bit>

namespace chasqui::worker {
namespace {

void Blend(double& old, double value) {
  constexpr double kWeight = 0.25;  // of the new value
  old = old == 0 ? value : old + kWeight * (value - old);
}

}  // namespace

void StepCosts::OnDecode(std::uint32_t answers, double seconds) {
  if (answers == 0) return;
  const auto power = static_cast<std::size_t>(std::bit_width(answers) - 1);
  Decode& decode = decodes_[std::min(power, decodes_.size() - 1)];
  Blend(decode.answers, answers);
  Blend(decode.seconds, seconds);
}

void StepCosts::OnPrompt(std::uint32_t tokens, double seconds) {
  if (tokens > 0) Blend(seconds_per_prompt_token_, seconds / tokens);
}

double StepCosts::decode_seconds(std::uint32_t answers) const {
  const Decode* below = nullptr;
  const Decode* above = nullptr;
  for (const Decode& decode : decodes_) {
    if (decode.answers == 0) continue;
    if (decode.answers <= answers) below = &decode;
    if (decode.answers >= answers && above == nullptr) above = &decode;
  }
  if (below == nullptr) return above == nullptr ? 0 : above->seconds;
  if (above == nullptr || above->answers == below->answers) return below->seconds;
  const double part = (answers - below->answers) / (above->answers - below->answers);
  return below->seconds + part * (above->seconds - below->seconds);
}

}  // namespace chasqui::worker
