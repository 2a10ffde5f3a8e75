// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/identify.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "common/status/status.h"
#include "services/router/auth/key_table.h"

namespace chasqui::router {
namespace {

absl::Status Unauthenticated(std::string_view reason, std::string_view message) {
  return status::Error(absl::StatusCode::kUnauthenticated, reason, message);
}

// The key of "Bearer KEY"; the scheme in any case, as RFC 9110 has it.
std::optional<std::string_view> BearerKey(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) return std::nullopt;
  return absl::StripAsciiWhitespace(authorization.substr(kScheme.size()));
}

absl::StatusOr<std::shared_ptr<const Grant>> ByKey(std::string_view authorization,
                                                   const KeySource* keys, time::SystemTime now) {
  const std::optional<std::string_view> key = BearerKey(authorization);
  if (!key.has_value()) {
    return Unauthenticated("API_KEY_MISSING", "the authorization must be 'Bearer KEY'");
  }
  std::shared_ptr<const Grant> grant = keys != nullptr ? keys->FindKey(*key) : nullptr;
  if (grant == nullptr) return Unauthenticated("API_KEY_UNKNOWN", "there is no such API key");
  if (grant->disabled) return Unauthenticated("API_KEY_DISABLED", "the API key is switched off");
  if (grant->expires.has_value() && *grant->expires <= now) {
    return Unauthenticated("API_KEY_EXPIRED", "the API key has expired");
  }
  return grant;
}

absl::StatusOr<std::shared_ptr<const Grant>> ByCertificate(
    const std::string& identity, const KeySource* keys, const config::v1::Limits& tenant_defaults) {
  std::shared_ptr<const Grant> grant = keys != nullptr ? keys->FindCertificate(identity) : nullptr;
  if (grant == nullptr && !IsTenantName(identity)) {
    return Unauthenticated("CERTIFICATE_UNNAMED", "the certificate's identity cannot be a tenant");
  }
  if (grant == nullptr) {
    return std::make_shared<const Grant>(UnlistedCertificate(identity, tenant_defaults));
  }
  if (grant->disabled) {
    return Unauthenticated("CERTIFICATE_DISABLED", "the client certificate is switched off");
  }
  return grant;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Grant>> Identify(const Credentials& credentials,
                                                      const KeySource* keys,
                                                      const config::v1::Limits& tenant_defaults,
                                                      time::SystemTime now) {
  if (credentials.authorization.has_value()) return ByKey(*credentials.authorization, keys, now);
  if (!credentials.certificate.empty()) {
    return ByCertificate(credentials.certificate, keys, tenant_defaults);
  }
  return Unauthenticated("API_KEY_MISSING",
                         "an API key is needed: send the metadata 'authorization: Bearer KEY'");
}

}  // namespace chasqui::router
