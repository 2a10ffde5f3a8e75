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

void StepCosts::Curve::Measure(std::uint32_t count, double seconds) {
  const auto power = static_cast<std::size_t>(std::bit_width(count) - 1);
  Point& point = points_[std::min(power, points_.size() - 1)];
  Blend(point.count, count);
  Blend(point.seconds, seconds);
}

double StepCosts::Curve::At(double count) const {
  const Point* below = nullptr;
  const Point* above = nullptr;
  for (const Point& point : points_) {
    if (point.count == 0) continue;
    if (point.count <= count) below = &point;
    if (point.count >= count && above == nullptr) above = &point;
  }
  if (below == nullptr) return above == nullptr ? 0 : above->seconds;
  if (above == nullptr || above->count == below->count) return below->seconds;
  const double part = (count - below->count) / (above->count - below->count);
  return below->seconds + part * (above->seconds - below->seconds);
}

void StepCosts::OnDecode(std::uint32_t answers, double seconds) {
  if (answers > 0) decodes_.Measure(answers, seconds);
}

void StepCosts::OnPrompt(std::uint32_t tokens, double seconds) {
  if (tokens == 0) return;
  prompts_.Measure(tokens, seconds);
  Blend(seconds_per_prompt_token_, seconds / tokens);
}

double StepCosts::prompt_tokens(double seconds) const {
  Point below;  // nothing takes no time
  double tokens = 0;
  for (const Point& point : prompts_.points()) {
    if (point.count == 0) continue;
    if (point.seconds <= seconds) {
      below = point;
      tokens = point.count * seconds / point.seconds;  // if none is larger
      continue;
    }
    const double part = (seconds - below.seconds) / (point.seconds - below.seconds);
    return std::max(0.0, below.count + part * (point.count - below.count));
  }
  return tokens;
}

}  // namespace chasqui::worker
