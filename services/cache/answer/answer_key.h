// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace chasqui::cache {

// What an answer is found by: the SHA-256 of the weights and of the request. A value. As good as
// random, so any part of it serves as a hash.
class AnswerKey {
 public:
  static constexpr std::size_t kBytes = 32;

  // Nothing when `bytes` are not 32.
  static std::optional<AnswerKey> Parse(std::string_view bytes) {
    if (bytes.size() != kBytes) return std::nullopt;
    AnswerKey key;
    std::memcpy(key.bytes_.data(), bytes.data(), kBytes);
    return key;
  }

  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  // 64 characters.
  std::string Hex() const;
  std::uint64_t hash() const {
    std::uint64_t hash;
    std::memcpy(&hash, bytes_.data(), sizeof(hash));
    return hash;
  }

  friend auto operator<=>(const AnswerKey&, const AnswerKey&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const AnswerKey& key) {
    return H::combine(std::move(state), key.hash());
  }

 private:
  AnswerKey() = default;

  std::array<std::uint8_t, kBytes> bytes_;
};

}  // namespace chasqui::cache
