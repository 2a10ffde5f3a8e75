// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <google/protobuf/duration.pb.h>

#include "absl/status/statusor.h"

// Quantities as operators write them. The functions are pure; errors are INVALID_ARGUMENT with a
// message that reads on from a field's name: "must be a duration such as ...".
namespace chasqui::config {

// Reads "200ms", "1.5s", "90 s", "1h30m" (units h, m or min, s, ms, us, ns). A bare "0" is zero,
// any other number without a unit is an error, and so is a negative duration.
absl::StatusOr<std::chrono::nanoseconds> ParseDuration(std::string_view text);

// Writes the shortest form that ParseDuration reads back to the same value: "1m30s".
std::string FormatDuration(std::chrono::nanoseconds duration);

// Reads "512", "64KiB", "1.5 GiB", "10MB": powers of 1024 with an "i", of 1000 without.
absl::StatusOr<std::uint64_t> ParseByteSize(std::string_view text);

// Writes the largest binary unit that divides `bytes`: "64MiB", "1000".
std::string FormatByteSize(std::uint64_t bytes);

// Reads true, yes, on, 1 and false, no, off, 0, in any case.
absl::StatusOr<bool> ParseBool(std::string_view text);

// Between a message's durations and the code's. A message beyond what nanoseconds can count
// (292 years) saturates.
std::chrono::nanoseconds FromProto(const google::protobuf::Duration& duration);
google::protobuf::Duration ToProto(std::chrono::nanoseconds duration);

}  // namespace chasqui::config
