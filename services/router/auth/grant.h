// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "services/router/limits/quota.h"

namespace chasqui::router {

// What a caller may do.
enum class Role : std::uint8_t { kClient, kOperator, kWorker };

// A set of roles.
class Roles {
 public:
  constexpr Roles() = default;
  constexpr Roles& Add(Role role) {
    bits_ |= Bit(role);
    return *this;
  }
  constexpr bool Has(Role role) const { return (bits_ & Bit(role)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }

 private:
  static constexpr std::uint8_t Bit(Role role) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(role));
  }
  std::uint8_t bits_ = 0;
};

// What one key or certificate is allowed. Immutable, shared by those who were found to hold it.
struct Grant {
  std::string tenant;
  std::string key_id;  // empty: a certificate
  Roles roles;
  std::vector<std::string> methods;  // sorted; empty: all of InferenceService
  std::vector<std::string> models;   // own names, sorted; empty: all
  std::optional<time::SystemTime> expires;
  bool disabled = false;
  Quotas quotas;
};

// Who calls, as it was found before anything of the request was read. A value.
struct Caller {
  // None: authentication is off, and the caller may do everything.
  std::shared_ptr<const Grant> grant;
};

}  // namespace chasqui::router
