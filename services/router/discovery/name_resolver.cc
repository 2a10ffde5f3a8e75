// SPDX-License-Identifier: Apache-2.0
#include "services/router/discovery/name_resolver.h"

#include <array>
#include <cerrno>

#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/socket.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/router/fleet/hello.h"

namespace chasqui::router {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

std::string AddressOf(const addrinfo& info) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (getnameinfo(info.ai_addr, info.ai_addrlen, host.data(), host.size(), port.data(), port.size(),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "";
  }
  return info.ai_family == AF_INET6 ? absl::StrCat("[", host.data(), "]:", port.data())
                                    : absl::StrCat(host.data(), ":", port.data());
}

class SystemNameResolver final : public NameResolver {
 public:
  absl::StatusOr<std::vector<std::string>> Resolve(const DnsName& name) override {
    // Of this thread alone; made anew each time, so that changes to /etc/resolv.conf are seen.
    res_init();
    _res.retrans = 2;
    _res.retry = 1;
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* raw = nullptr;
    const int error = getaddrinfo(name.host.c_str(), name.port.c_str(), &hints, &raw);
    const std::unique_ptr<addrinfo, FreeAddresses> list(error == 0 ? raw : nullptr);
    if (error == EAI_NONAME || error == EAI_NODATA) {
      return absl::NotFoundError(absl::StrCat("no addresses of ", name.host));
    }
    if (error != 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot resolve ", name.host, ": ", gai_strerror(error)));
    }
    std::vector<std::string> addresses;
    for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
      std::string address = AddressOf(*info);
      if (IsReachableAddress(address)) addresses.push_back(std::move(address));
    }
    return addresses;
  }
};

}  // namespace

std::optional<DnsName> ParseDnsName(std::string_view text) {
  absl::ConsumePrefix(&text, "dns:///");
  if (!IsReachableAddress(text) || text.starts_with('[')) return std::nullopt;
  const std::size_t colon = text.rfind(':');
  return DnsName{.host = std::string(text.substr(0, colon)),
                 .port = std::string(text.substr(colon + 1))};
}

std::unique_ptr<NameResolver> MakeSystemResolver() {
  return std::make_unique<SystemNameResolver>();
}

}  // namespace chasqui::router
