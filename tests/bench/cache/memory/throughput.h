// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

namespace chasqui::bench {

// Operations of a MemoryTier in a second, nine gets to a put, of answers that are asked for as a
// Zipf distribution has it, beside those of an LRU behind one mutex: a list of objects with
// `threads`, `memory_tier_ops`, `lru_ops` and `ratio`.
nlohmann::json MeasureThroughput();

}  // namespace chasqui::bench
