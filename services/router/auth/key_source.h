// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "services/router/auth/grant.h"

namespace chasqui::router {

// Where keys come from. Owned by the RouterServer. Thread-safe; nothing blocks: a source that asks
// others keeps what it was told.
class KeySource {
 public:
  virtual ~KeySource() = default;

  // What the holder of `key` is allowed; null when there is no such key. Whether it is still good
  // is not looked at.
  virtual std::shared_ptr<const Grant> FindKey(std::string_view key) const = 0;
  // The same for a certificate by its identity; null when the source does not name it.
  virtual std::shared_ptr<const Grant> FindCertificate(std::string_view identity) const = 0;
};

}  // namespace chasqui::router
