// SPDX-License-Identifier: Apache-2.0
#include "services/cache/store/placement.h"

namespace chasqui::cache {

TierSet Place(inference::v1::Priority priority, const TierSet& there) {
  TierSet place = there;
  if (priority != inference::v1::PRIORITY_HIGH) place.memory = false;
  if (priority == inference::v1::PRIORITY_LOW) place.redis = false;
  if (place != TierSet{}) return place;
  if (there.redis) return {.redis = true};
  return {.memory = there.memory};
}

}  // namespace chasqui::cache
