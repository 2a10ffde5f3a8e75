// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/process.h"

#include <csignal>

#include "absl/synchronization/mutex.h"
#include "common/rpc/signal_waiter.h"

namespace chasqui::rpc {

void PrepareProcess() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  BlockStopSignals();
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace chasqui::rpc
