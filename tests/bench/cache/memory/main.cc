// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include <nlohmann/json.hpp>

#include "tests/bench/cache/memory/hit_ratio.h"
#include "tests/bench/cache/memory/throughput.h"

// Prints one JSON object. Takes about ten seconds.
int main() {
  const nlohmann::json report = {{"throughput", chasqui::bench::MeasureThroughput()},
                                 {"hit_ratio", chasqui::bench::MeasureHitRatio()}};
  std::cout << report.dump(2) << std::endl;
  return 0;
}
