// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace chasqui::worker {

// An end of a range of numbers.
struct NumberBound {
  double value = 0;
  bool exclusive = false;
};

// Regular expressions for the JSON spelling of numbers within bounds, without exponents. Nothing
// when no number is. Bounds are below 1e15. Pure.

// Integers of at most 16 digits, from `low` to `high`.
std::optional<std::string> IntegerRegex(std::optional<std::int64_t> low,
                                        std::optional<std::int64_t> high);
// Numbers of at most 16 digits before the point and 16 after; after it fewer where there is a
// bound, so that all near it have at most 15.
std::optional<std::string> NumberRegex(std::optional<NumberBound> low,
                                       std::optional<NumberBound> high);

}  // namespace chasqui::worker
