// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "chasqui/cache/v1/cache_service.pb.h"

// How the state of a cache service looks to people. All functions are pure.
namespace chasqui::cli {

std::string StatsText(const cache::v1::GetStatsResponse& stats);
std::string EntryText(const cache::v1::GetEntryResponse& entry);

}  // namespace chasqui::cli
