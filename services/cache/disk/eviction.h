// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "chasqui/cache/v1/stored_answer.pb.h"

namespace chasqui::cache {

// What an answer on disk is worth keeping: what it cost to make, for each byte, as often as it was
// found, and the less the longer it was not. After hyperbolic caching (Blankstein, Sen, Freedman,
// USENIX ATC 2017), which ranks by a rate and evicts the least of a sample, with the time since the
// last use in the place of the age. Pure.
double Worth(const v1::DiskRecord& record, std::int64_t now_us);

// Which of a sample goes first: one that is expired, else the one worth least. There is one. Pure.
std::size_t LeastWorth(std::span<const v1::DiskRecord> sample, std::int64_t now_us);

}  // namespace chasqui::cache
