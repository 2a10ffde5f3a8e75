// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "chasqui/config/v1/common.pb.h"
#include "common/config/checks.h"
#include "common/redis/link.h"
#include "common/time/clock.h"

// The settings of a Redis server, from their message to a link's options. All functions are pure.
namespace chasqui::redis {

// Fills in the defaults that the comments of RedisConfig promise.
void SetDefaults(config::v1::RedisConfig& config);

// Adds what is wrong; `path` is the message's own, such as "limits.redis".
void Check(std::string_view path, const config::v1::RedisConfig& config, config::Checks& checks);

// How long an answer may take.
time::Duration Timeout(const config::v1::RedisConfig& config);

// Where the server is, how it is greeted, and how long it may be silent: ten times what an answer
// may take, at least half a second. The rest is for whoever opens the link.
Link::Options LinkOptions(const config::v1::RedisConfig& config);

}  // namespace chasqui::redis
