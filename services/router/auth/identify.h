// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "chasqui/config/v1/auth_config.pb.h"
#include "common/time/clock.h"
#include "services/router/auth/grant.h"
#include "services/router/auth/key_source.h"

namespace chasqui::router {

// What a call shows of its caller.
struct Credentials {
  std::optional<std::string_view> authorization;  // the metadata of that name
  std::string certificate;  // the identity in a verified client certificate; empty: none
};

// What the caller is allowed. A key goes before a certificate: it says more. `keys` may be null.
// UNAUTHENTICATED with a reason:
//   API_KEY_MISSING       neither a key nor a certificate
//   API_KEY_UNKNOWN       no such key
//   API_KEY_EXPIRED       it was one
//   API_KEY_DISABLED      it is switched off
//   CERTIFICATE_DISABLED  the same, of a certificate
//   CERTIFICATE_UNNAMED   its identity cannot be a tenant
absl::StatusOr<std::shared_ptr<const Grant>> Identify(const Credentials& credentials,
                                                      const KeySource* keys,
                                                      const config::v1::Limits& tenant_defaults,
                                                      time::SystemTime now);

}  // namespace chasqui::router
