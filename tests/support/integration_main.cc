// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"

// The main function of integration tests, which connect by gRPC. As in our processes, Abseil's
// mutexes look for no deadlocks: gRPC 1.51 reads errno after it has taken mutexes behind connect(),
// and what their debugging leaves there now and then makes it give up a connection that is fine
// ("Invalid argument"). ThreadSanitizer looks for deadlocks in these tests.
int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
