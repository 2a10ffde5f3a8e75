// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <stop_token>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/functional/any_invocable.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/concurrency/named_thread.h"

// A test of ThreadSanitizer itself: the first ones fail by its report, if it does not see an order.
namespace chasqui {
namespace {

using concurrency::NamedThread;

class ThreadSanitizerTest : public testing::Test {
 protected:
  NamedThread Start(absl::AnyInvocable<void()> body) {
    return NamedThread("test", [body = std::move(body)](std::stop_token) mutable { body(); });
  }

  int value_ = 0;  // what threads write and read, in turns
  absl::Mutex mutex_;
  absl::Mutex other_mutex_;
};

TEST_F(ThreadSanitizerTest, SeesWhatAMutexOrders) {
  const auto increment = [this] {
    for (int i = 0; i < 1000; ++i) {
      absl::MutexLock lock(mutex_);
      ++value_;
    }
  };

  NamedThread one = Start(increment);
  NamedThread two = Start(increment);
  one.Join();
  two.Join();

  EXPECT_EQ(value_, 2000);
}

TEST_F(ThreadSanitizerTest, SeesWhatAConditionOrders) {
  bool written = false;
  NamedThread writer = Start([&] {
    value_ = 1;
    absl::MutexLock lock(mutex_);
    written = true;
  });

  {
    absl::MutexLock lock(mutex_);
    mutex_.Await(absl::Condition(&written));
  }

  EXPECT_EQ(value_, 1);
}

TEST_F(ThreadSanitizerTest, SeesWhatANotificationOrders) {
  absl::Notification written;
  NamedThread writer = Start([&] {
    value_ = 1;
    written.Notify();
  });

  written.WaitForNotification();

  EXPECT_EQ(value_, 1);
}

TEST_F(ThreadSanitizerTest, SeesWhatANotificationWithATimeoutOrders) {
  absl::Notification written;
  NamedThread writer = Start([&] {
    value_ = 1;
    written.Notify();
  });

  ASSERT_TRUE(written.WaitForNotificationWithTimeout(absl::Minutes(1)));

  EXPECT_EQ(value_, 1);
}

TEST_F(ThreadSanitizerTest, SeesWhatAFlagOfANotificationOrders) {
  absl::Notification written;
  NamedThread writer = Start([&] {
    value_ = 1;
    written.Notify();
  });

  while (!written.HasBeenNotified()) std::this_thread::yield();

  EXPECT_EQ(value_, 1);
}

TEST_F(ThreadSanitizerTest, SeesWhatACounterOrders) {
  absl::BlockingCounter written(1);
  NamedThread writer = Start([&] {
    value_ = 1;
    written.DecrementCount();
  });

  written.Wait();

  EXPECT_EQ(value_, 1);
}

using ThreadSanitizerDeathTest = ThreadSanitizerTest;

TEST_F(ThreadSanitizerDeathTest, FindsWhatDifferentMutexesGuard) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto race = [this] {
    NamedThread one = Start([this] {
      absl::MutexLock lock(mutex_);
      ++value_;
    });
    NamedThread two = Start([this] {
      absl::MutexLock lock(other_mutex_);
      ++value_;
    });
    one.Join();
    two.Join();
    std::exit(0);
  };

  EXPECT_EXIT(race(), testing::ExitedWithCode(66), "data race");
}

TEST_F(ThreadSanitizerDeathTest, FindsMutexesTakenInBothOrders) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto invert = [this] {
    {
      absl::MutexLock lock(mutex_);
      absl::MutexLock other(other_mutex_);
    }
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    absl::MutexLock other(other_mutex_);
    absl::MutexLock lock(mutex_);
    std::exit(0);
  };

  EXPECT_EXIT(invert(), testing::ExitedWithCode(66), "lock-order-inversion");
}

}  // namespace
}  // namespace chasqui
