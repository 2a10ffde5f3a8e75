// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "chasqui/cache/v1/stored_answer.pb.h"

namespace chasqui::cache {

// What an answer on disk is worth keeping: what it cost to make, for each byte, as often as it was
// found, and the less the longer it was not. After GreedyDual-Size-Frequency (Cherkasova,
// HPL-98-69, 1998), whose rank this is but for the age: that is not a clock that each eviction
// moves on, which needs all entries in order, but the time since the last use, as in hyperbolic
// caching (Blankstein, Sen, Freedman, USENIX ATC 2017), which can be told of a sample. Pure.
double Worth(const v1::DiskRecord& record, std::int64_t now_us);

// The first of a sample to go, at most `count` of them: those that are expired, then those worth
// least. Pure.
std::vector<std::size_t> LeastWorth(std::span<const v1::DiskRecord> sample, std::size_t count,
                                    std::int64_t now_us);

}  // namespace chasqui::cache
