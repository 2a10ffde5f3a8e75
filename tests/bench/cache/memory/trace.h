// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace chasqui::bench {

// Draws numbers below a limit, of which the i-th comes in proportion to 1 / (i + 1)^exponent.
class Zipf {
 public:
  Zipf(std::size_t count, double exponent);
  std::size_t Draw(std::mt19937_64& random) const;

 private:
  std::vector<double> sums_;  // of the weights up to each number, the last is 1
};

// One thing that can be asked for.
struct Item {
  std::size_t bytes;
  double cost_seconds;
};

struct TraceOptions {
  std::size_t items = 20'000;
  std::size_t requests = 400'000;
  double exponent = 0.95;
  // Every so many requests comes a scan of so many items that are asked for once.
  std::size_t scan_every = 20'000;
  std::size_t scan_items = 4'000;
  std::uint64_t seed = 1;
};

// What is asked for, one after the other, by number in `items`. Sizes are drawn log-normal, as the
// lengths of answers are; an answer costs so much a byte, and that is drawn log-normal as well, as
// models differ.
struct Trace {
  std::vector<Item> items;
  std::vector<std::uint32_t> requests;
  std::size_t footprint_bytes = 0;  // of all that is asked for
};
Trace MakeTrace(const TraceOptions& options);

}  // namespace chasqui::bench
