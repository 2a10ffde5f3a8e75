// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/router/limits/bucket_table.h"

// What BucketTable does, in Redis: one Lua script that takes or settles all buckets of a request at
// once, by Redis' own clock, in microseconds. A bucket is a string "full_at returned" that expires
// when it is as good as a new one. All functions are pure.
namespace chasqui::router {

extern const std::string_view kLimitsScript;

// The words of EVALSHA for taking `draws`, which are not empty. `sha` is the script's; every bucket
// is stored under `prefix` and its name.
std::vector<std::string> TakeCommand(std::string_view sha, std::string_view prefix,
                                     std::span<const Draw> draws);

// What the script answered to TakeCommand: the shortage, or what was charged, by Redis' clock.
// INTERNAL when the answer has not its form.
struct TakeAnswer {
  std::optional<Shortage> shortage;
  std::vector<Drawn> drawn;
};
absl::StatusOr<TakeAnswer> ReadTakeAnswer(std::span<const Draw> draws,
                                          std::span<const std::int64_t> answer);

// The words of EVALSHA for settling what TakeCommand drew.
std::vector<std::string> SettleCommand(std::string_view sha, std::string_view prefix,
                                       std::span<const Drawn> drawn, std::uint64_t units);

}  // namespace chasqui::router
