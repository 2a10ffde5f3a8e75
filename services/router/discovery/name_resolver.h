// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace chasqui::router {

// A name behind which there are workers.
struct DnsName {
  std::string host;
  std::string port;

  bool operator==(const DnsName&) const = default;
};

// "dns:///host:port" or "host:port"; nothing for what is neither. Pure.
std::optional<DnsName> ParseDnsName(std::string_view text);

// Asks for the addresses behind a name. Owned by the NameWatch, whose thread alone calls it.
class NameResolver {
 public:
  virtual ~NameResolver() = default;

  // "10.0.0.7:50052", "[fd00::7]:50052"; NOT_FOUND when the name has none (any more), UNAVAILABLE
  // when nobody could be asked. May block.
  virtual absl::StatusOr<std::vector<std::string>> Resolve(const DnsName& name) = 0;
};

// By getaddrinfo: the system's hosts file, search domains and name servers. Each of these is asked
// once and waited for two seconds, so that a router ends soon though they are gone.
std::unique_ptr<NameResolver> MakeSystemResolver();

}  // namespace chasqui::router
