// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace chasqui::inference {

inline constexpr std::size_t kMostNameCharacters = 128;

// What a name that is none is to be told.
inline constexpr std::string_view kNameRule = "must be 1 to 128 characters of [A-Za-z0-9._:/-]";

// Whether models, their aliases and adapters may be called so. Pure.
bool IsName(std::string_view text);

}  // namespace chasqui::inference
