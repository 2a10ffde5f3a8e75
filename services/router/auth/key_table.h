// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "chasqui/config/v1/auth_config.pb.h"
#include "chasqui/config/v1/key_file.pb.h"
#include "common/config/problems.h"
#include "services/router/auth/api_key.h"
#include "services/router/auth/grant.h"

namespace chasqui::router {

// The keys and certificates of one KeyFile, ready to be looked up. Immutable.
class KeyTable {
 public:
  // A key and what it is allowed.
  struct Key {
    KeyHash hash;
    std::shared_ptr<const Grant> grant;
  };

  // Without keys.
  KeyTable() = default;
  // With those of `file`. Adds to `problems` whatever is wrong with it, each with the path of its
  // field; the table is of no use then. `tenant_defaults` are the limits of tenants to which the
  // file gives none.
  KeyTable(const config::v1::KeyFile& file, const config::v1::Limits& tenant_defaults,
           config::Problems& problems);

  // Null when there is none.
  const Key* FindKey(std::string_view id) const;
  std::shared_ptr<const Grant> FindCertificate(std::string_view identity) const;

  std::size_t size() const { return keys_.size() + certificates_.size(); }

 private:
  absl::flat_hash_map<std::string, Key> keys_;
  absl::flat_hash_map<std::string, std::shared_ptr<const Grant>> certificates_;
};

// Reads a KeyFile. Adds to `problems` what is wrong, without anything in it that could be a part of
// a key or of a hash. Blocks on reading.
KeyTable LoadKeyTable(const std::string& path, const config::v1::Limits& tenant_defaults,
                      config::Problems& problems);

// Whether `name` can be a tenant: 1 to 256 printable ASCII characters, none of them a brace, a
// quote or a backslash.
bool IsTenantName(std::string_view name);

// What a certificate is allowed that the file does not name: to ask models, under its tenant.
Grant UnlistedCertificate(std::string_view identity, const config::v1::Limits& tenant_defaults);

// Adds the problems of `limits`, whose paths begin with `path`.
void CheckLimits(std::string_view path, const config::v1::Limits& limits,
                 config::Problems& problems);

}  // namespace chasqui::router
