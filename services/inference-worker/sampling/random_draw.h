// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace chasqui::worker {

// What a random number is drawn for: the purposes of one position do not share numbers.
enum class DrawPurpose : std::uint64_t { kToken = 0, kExcludeTopChoices = 1 };

// A number of [0, 1) that depends on its arguments only, so that a stream can be taken up again at
// any position. SplitMix64 (Steele, Lea, Flood, 2014) read at random places: its state after n
// steps is the seed plus n times a constant. The seed is mixed first, or neighbouring seeds would
// give the same numbers shifted. Pure.
double UniformDraw(std::uint64_t seed, std::uint64_t position, DrawPurpose purpose);

// The seed of one of several answers to a request with this seed: its own for the first. Pure.
std::uint64_t CandidateSeed(std::uint64_t seed, std::uint32_t candidate);

}  // namespace chasqui::worker
