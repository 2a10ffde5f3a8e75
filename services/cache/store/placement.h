// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "chasqui/inference/v1/generate.pb.h"

namespace chasqui::cache {

// A set of tiers.
struct TierSet {
  bool memory = false;
  bool redis = false;
  bool disk = false;

  bool operator==(const TierSet&) const = default;
};

// Where a new answer is put, of the tiers there are: what is asked with high priority in all of
// them, with normal priority in Redis and on disk, with low priority on disk. Where there are none
// of those, in the lowest there is, so that everything is remembered. Hits bring answers up. Pure.
TierSet Place(inference::v1::Priority priority, const TierSet& there);

}  // namespace chasqui::cache
