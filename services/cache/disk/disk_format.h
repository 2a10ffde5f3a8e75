// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "chasqui/cache/v1/stored_answer.pb.h"
#include "services/cache/generation/generations.h"

// What stands in RocksDB. Keys are the answers' 32 bytes, and names of generations. All functions
// are pure; what they decode may be damaged.
namespace chasqui::cache {

// An answer: when it expires, 8 bytes, the least first, and its envelope.
struct DiskValue {
  std::int64_t expires_us;
  std::string_view envelope;
};
std::string EncodeValue(std::int64_t expires_us, std::string_view envelope);
// Nothing when it is too short. The envelope is a part of `bytes`.
std::optional<DiskValue> DecodeValue(std::string_view bytes);

std::optional<v1::DiskRecord> DecodeRecord(std::string_view bytes);

std::string EncodeGeneration(const Generation& generation);
std::optional<Generation> DecodeGeneration(std::string_view bytes);

}  // namespace chasqui::cache
