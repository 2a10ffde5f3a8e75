// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "chasqui/config/v1/cache_config.pb.h"

namespace chasqui::cache {

// What holds for whatever is not set: the defaults that the comments of CacheConfig promise.
config::v1::CacheConfig DefaultConfig();

// Everything that is wrong, one line each.
std::vector<std::string> Validate(const config::v1::CacheConfig& config);

}  // namespace chasqui::cache
