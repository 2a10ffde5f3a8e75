// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "chasqui/cache/v1/cache_service.pb.h"
#include "services/cache/lookup/lookup_call.h"

namespace chasqui::cache {

// The state of everything but the replicas and the most asked.
v1::GetStatsResponse ReadStats(const LookupCall::Shared& shared);

// Sets the gauges from the same state.
void Collect(const LookupCall::Shared& shared);

}  // namespace chasqui::cache
