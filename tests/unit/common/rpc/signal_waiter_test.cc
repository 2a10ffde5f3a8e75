// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/signal_waiter.h"

#include <csignal>

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/synchronization/notification.h"

namespace chasqui::rpc {
namespace {

class SignalWaiterTest : public ::testing::Test {
 protected:
  SignalWaiterTest() { BlockStopSignals(); }
};

TEST_F(SignalWaiterTest, TheFirstSignalAsksToStop) {
  SignalWaiter signals([](int) { FAIL(); });
  EXPECT_FALSE(signals.stop_requested());

  kill(getpid(), SIGTERM);

  EXPECT_EQ(signals.WaitForStop(), SIGTERM);
  EXPECT_TRUE(signals.stop_requested());
}

TEST_F(SignalWaiterTest, TheSecondSignalActsAtOnce) {
  absl::Notification at_once;
  SignalWaiter signals([&](int signal) {
    EXPECT_EQ(signal, SIGINT);
    at_once.Notify();
  });

  kill(getpid(), SIGTERM);
  signals.WaitForStop();
  kill(getpid(), SIGINT);

  at_once.WaitForNotification();
}

TEST_F(SignalWaiterTest, AProgramMayStopByItself) {
  SignalWaiter signals([](int) { FAIL(); });

  signals.RequestStop();

  EXPECT_EQ(signals.WaitForStop(), 0);
}

}  // namespace
}  // namespace chasqui::rpc
