// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

namespace chasqui::bench {

// What S3-FIFO, with and without the weight of cost, and LRU find of one trace, in memory of a part
// of its footprint: a list of objects with `cache_percent`, and for each way `hit_ratio` and
// `saved_ratio`, the part of all seconds of computing that hits saved.
nlohmann::json MeasureHitRatio();

}  // namespace chasqui::bench
