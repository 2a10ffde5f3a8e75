// SPDX-License-Identifier: Apache-2.0
#include "common/concurrency/periodic.h"

#include <gtest/gtest.h>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"

namespace chasqui::concurrency {
namespace {

using namespace std::chrono_literals;

TEST(Periodic, CallsAgainAndAgain) {
  absl::BlockingCounter calls(3);
  int left = 3;
  Periodic periodic("periodic", 1ms, [&] {
    if (left-- > 0) calls.DecrementCount();
  });

  calls.Wait();
}

TEST(Periodic, WakeDoesNotWaitForTheInterval) {
  absl::Notification called;
  Periodic periodic("periodic", 24h, [&] { called.Notify(); });

  periodic.Wake();

  called.WaitForNotification();
}

TEST(Periodic, EndsWithoutWaitingForTheInterval) {
  Periodic periodic("periodic", 24h, [] { FAIL() << "an interval has not passed"; });
}

}  // namespace
}  // namespace chasqui::concurrency
