// SPDX-License-Identifier: Apache-2.0
// Writes answers to a disk tier until it is killed, and prints the number of each as soon as it is
// acknowledged: "usage: cache_disk_writer FOLDER FIRST".
#include <cstdio>
#include <cstdlib>
#include <string>

#include <unistd.h>

#include "absl/synchronization/notification.h"
#include "services/cache/cache_config.h"
#include "services/cache/disk/disk_tier.h"
#include "tests/integration/cache/disk_answers.h"
#include "tests/unit/services/cache/answers.h"

int main(int argc, char** argv) {
  using namespace chasqui::cache;
  if (argc != 3) return 64;
  auto tier = DiskTier::Open(CrashConfig(argv[1]), {}, 1 << 20, chasqui::time::RealClock(), {});
  if (!tier.ok()) {
    std::fprintf(stderr, "%s\n", tier.status().ToString().c_str());
    return 1;
  }
  for (std::uint64_t number = std::strtoull(argv[2], nullptr, 10);; ++number) {
    // Two at a time, for there are two threads.
    absl::Notification done[2];
    for (std::uint64_t i = 0; i < 2; ++i) {
      (*tier)->Put(CrashAnswer(2 * number + i), [&, i](const absl::Status& status) {
        const std::string line = std::to_string(2 * number + i) + "\n";
        // One write: a line is there or it is not.
        if (status.ok() && write(STDOUT_FILENO, line.data(), line.size()) < 0) std::abort();
        done[i].Notify();
      });
    }
    for (auto& one : done) one.WaitForNotification();
  }
}
