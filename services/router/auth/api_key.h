// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// API keys: "chasqui_ID_SECRET", where ID is 12 lower-case hexadecimal digits, which are no secret
// and name the key everywhere, and SECRET is 64 of them, 256 random bits. Only the SHA-256 of the
// whole text is kept; of what is random like that, no search finds the key again. All functions are
// thread-safe.
namespace chasqui::router {

using KeyHash = std::array<std::uint8_t, 32>;

struct NewApiKey {
  std::string key;  // the secret
  std::string id;
};

// Drawn from the system's random numbers.
NewApiKey MakeApiKey();

// The id of a text that has the form of a key.
std::optional<std::string_view> ApiKeyId(std::string_view key);

// Whether `id` is 12 lower-case hexadecimal digits.
bool IsApiKeyId(std::string_view id);

KeyHash HashApiKey(std::string_view key);

// "sha256:" and 64 hexadecimal digits, and back.
std::string FormatKeyHash(const KeyHash& hash);
std::optional<KeyHash> ParseKeyHash(std::string_view text);

// In a time that does not depend on where they differ.
bool SameHash(const KeyHash& one, const KeyHash& other);

}  // namespace chasqui::router
