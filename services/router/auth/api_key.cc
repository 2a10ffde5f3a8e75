// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/api_key.h"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "absl/log/check.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace chasqui::router {
namespace {

constexpr std::string_view kPrefix = "chasqui_";
constexpr std::string_view kHashPrefix = "sha256:";
constexpr std::size_t kIdDigits = 12;
constexpr std::size_t kSecretDigits = 64;

bool IsLowerHex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
}

std::string RandomDigits(std::size_t digits) {
  std::string bytes(digits / 2, '\0');
  // Without random numbers there can be no secret.
  CHECK_EQ(
      RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())),
      1);
  return absl::BytesToHexString(bytes);
}

}  // namespace

NewApiKey MakeApiKey() {
  std::string id = RandomDigits(kIdDigits);
  std::string key = absl::StrCat(kPrefix, id, "_", RandomDigits(kSecretDigits));
  return {.key = std::move(key), .id = std::move(id)};
}

bool IsApiKeyId(std::string_view id) { return id.size() == kIdDigits && IsLowerHex(id); }

std::optional<std::string_view> ApiKeyId(std::string_view key) {
  if (key.size() != kPrefix.size() + kIdDigits + 1 + kSecretDigits) return std::nullopt;
  if (!absl::ConsumePrefix(&key, kPrefix)) return std::nullopt;
  const std::string_view id = key.substr(0, kIdDigits);
  if (!IsApiKeyId(id) || key[kIdDigits] != '_' || !IsLowerHex(key.substr(kIdDigits + 1))) {
    return std::nullopt;
  }
  return id;
}

KeyHash HashApiKey(std::string_view key) {
  KeyHash hash;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), hash.data());
  return hash;
}

std::string FormatKeyHash(const KeyHash& hash) {
  return absl::StrCat(kHashPrefix, absl::BytesToHexString(
                                       {reinterpret_cast<const char*>(hash.data()), hash.size()}));
}

std::optional<KeyHash> ParseKeyHash(std::string_view text) {
  KeyHash hash;
  std::string bytes;
  if (!absl::ConsumePrefix(&text, kHashPrefix) || text.size() != 2 * hash.size() ||
      !absl::HexStringToBytes(text, &bytes)) {
    return std::nullopt;
  }
  std::ranges::copy(bytes, hash.begin());
  return hash;
}

bool SameHash(const KeyHash& one, const KeyHash& other) {
  return CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace chasqui::router
