// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/machine.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace chasqui::cli {

uint32_t PhysicalCores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 1;
  std::set<std::string> cores;  // each by the list of its hyper-threads
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream file(
        absl::StrCat("/sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"));
    std::string siblings;
    // Where the kernel does not tell, each processor is a core.
    if (!std::getline(file, siblings)) siblings = absl::StrCat("cpu", cpu);
    cores.insert(siblings);
  }
  return std::max<uint32_t>(1, static_cast<uint32_t>(cores.size()));
}

absl::StatusOr<std::vector<uint16_t>> FreePorts(std::size_t count) {
  std::vector<int> sockets;
  // All stay bound until all are found: otherwise the same port could come twice.
  const absl::Cleanup close_all = [&sockets] {
    for (const int socket : sockets) close(socket);
  };
  std::vector<uint16_t> ports;
  while (ports.size() < count) {
    sockets.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (sockets.back() < 0 || bind(sockets.back(), generic, length) != 0 ||
        getsockname(sockets.back(), generic, &length) != 0) {
      return absl::ErrnoToStatus(errno, "cannot find a free port");
    }
    ports.push_back(ntohs(address.sin_port));
  }
  return ports;
}

}  // namespace chasqui::cli
