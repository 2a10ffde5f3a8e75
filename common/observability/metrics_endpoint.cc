// SPDX-License-Identifier: Apache-2.0
#include "common/observability/metrics_endpoint.h"

#include <exception>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <netdb.h>
#include <poll.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/concurrency/named_thread.h"

namespace chasqui::observability {
namespace {

// Connects and disconnects.
void Knock(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* address = nullptr;
  const std::string service = absl::StrCat(port);
  if (getaddrinfo(host.c_str(), service.c_str(), &hints, &address) != 0) return;
  const int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    connect(fd, address->ai_addr, address->ai_addrlen);
    close(fd);
  }
  freeaddrinfo(address);
}

// Where this machine reaches what listens on `address`, "host:port".
std::string ReachableHost(const std::string& address) {
  std::string host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "0.0.0.0") return "127.0.0.1";
  return host == "::" ? "::1" : host;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(const std::string& address,
                                                                        const Metrics& metrics) {
  if (address.empty()) return std::unique_ptr<MetricsEndpoint>(new MetricsEndpoint(nullptr, "", 0));
  // CivetWeb's word for every address is no host at all.
  const std::string listen = address.starts_with(':') ? address.substr(1) : address;
  try {
    auto exposer = std::make_unique<prometheus::Exposer>(std::vector<std::string>{
        "listening_ports", listen, "num_threads", "2", "request_timeout_ms", "10000"});
    exposer->RegisterCollectable(metrics.collectable());
    const std::vector<int> ports = exposer->GetListeningPorts();
    const int port = ports.empty() ? 0 : ports.front();
    return std::unique_ptr<MetricsEndpoint>(
        new MetricsEndpoint(std::move(exposer), ReachableHost(address), port));
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot serve metrics on ", address, ": ", error.what()));
  }
}

MetricsEndpoint::MetricsEndpoint(std::unique_ptr<prometheus::Exposer> exposer, std::string host,
                                 int port)
    : host_(std::move(host)), port_(port), exposer_(std::move(exposer)) {}

MetricsEndpoint::~MetricsEndpoint() {
  if (exposer_ == nullptr) return;
  // CivetWeb 1.15 looks whether it is to stop only when a connection arrives or two seconds have
  // passed (its issue 1163): connections arrive until it has stopped.
  const concurrency::NamedThread waker("metrics-stop", [this](std::stop_token stop) {
    while (!stop.stop_requested()) {
      Knock(host_, port_);
      poll(nullptr, 0, 10);
    }
  });
  exposer_.reset();
}

}  // namespace chasqui::observability
