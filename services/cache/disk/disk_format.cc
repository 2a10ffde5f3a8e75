// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/disk_format.h"

#include <cstring>

namespace chasqui::cache {
namespace {

constexpr std::size_t kExpiryBytes = 8;

template <typename Message>
std::optional<Message> Decode(std::string_view bytes) {
  std::optional<Message> message(std::in_place);
  if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  return message;
}

}  // namespace

std::string EncodeValue(std::int64_t expires_us, std::string_view envelope) {
  std::string value;
  value.reserve(kExpiryBytes + envelope.size());
  for (std::size_t i = 0; i < kExpiryBytes; ++i) {
    value.push_back(static_cast<char>(static_cast<std::uint64_t>(expires_us) >> (8 * i)));
  }
  value.append(envelope);
  return value;
}

std::optional<DiskValue> DecodeValue(std::string_view bytes) {
  if (bytes.size() < kExpiryBytes) return std::nullopt;
  std::uint64_t expires = 0;
  for (std::size_t i = 0; i < kExpiryBytes; ++i) {
    expires |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return DiskValue{.expires_us = static_cast<std::int64_t>(expires),
                   .envelope = bytes.substr(kExpiryBytes)};
}

std::optional<v1::DiskRecord> DecodeRecord(std::string_view bytes) {
  return Decode<v1::DiskRecord>(bytes);
}

std::string EncodeGeneration(const Generation& generation) {
  v1::GenerationRecord record;
  record.set_value(generation.value);
  record.set_unshared(generation.unshared);
  return record.SerializeAsString();
}

std::optional<Generation> DecodeGeneration(std::string_view bytes) {
  const auto record = Decode<v1::GenerationRecord>(bytes);
  if (!record.has_value() || record->value() == 0) return std::nullopt;
  return Generation{.value = record->value(), .unshared = record->unshared()};
}

}  // namespace chasqui::cache
