// SPDX-License-Identifier: Apache-2.0
// Tells ThreadSanitizer what Abseil's mutexes, notifications and counters order. The system's
// Abseil is not compiled with it, so that it sees none of their atomic operations and would report
// whatever they guard. The linker puts these functions in the place of Abseil's (--wrap,
// CMakeLists.txt); each calls the real one. They are those that our code calls: one that it comes
// to call (CondVar, readers' locks, LockWhen) is to be added here and there, or false reports will
// ask for it.
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

using absl::BlockingCounter;
using absl::Condition;
using absl::Duration;
using absl::Mutex;
using absl::Notification;
using absl::synchronization_internal::KernelTimeout;

// Declares Real##NAME and Wrapped##NAME as what --wrap calls them.
#define CHASQUI_WRAPPED(RESULT, NAME, SYMBOL, ...)      \
  RESULT Real##NAME(__VA_ARGS__) asm("__real_" SYMBOL); \
  RESULT Wrapped##NAME(__VA_ARGS__) asm("__wrap_" SYMBOL)

#define CHASQUI_MUTEX "_ZN4absl8debian105Mutex"
#define CHASQUI_NOTIFICATION "4absl8debian1012Notification"
#define CHASQUI_COUNTER "_ZN4absl8debian1015BlockingCounter"

CHASQUI_WRAPPED(void, Lock, CHASQUI_MUTEX "4lockEv", Mutex* mutex);
CHASQUI_WRAPPED(void, Unlock, CHASQUI_MUTEX "6unlockEv", Mutex* mutex);
CHASQUI_WRAPPED(bool, Await,
                CHASQUI_MUTEX
                "11AwaitCommonERKNS0_9ConditionENS0_"
                "24synchronization_internal13KernelTimeoutE",
                Mutex* mutex, const Condition& condition, KernelTimeout timeout);
CHASQUI_WRAPPED(void, Destroy, CHASQUI_MUTEX "4DtorEv", Mutex* mutex);
CHASQUI_WRAPPED(void, Notify, "_ZN" CHASQUI_NOTIFICATION "6NotifyEv", Notification* notification);
CHASQUI_WRAPPED(void, WaitForNotification, "_ZNK" CHASQUI_NOTIFICATION "19WaitForNotificationEv",
                const Notification* notification);
CHASQUI_WRAPPED(bool, WaitForNotificationWithTimeout,
                "_ZNK" CHASQUI_NOTIFICATION "30WaitForNotificationWithTimeoutENS0_8DurationE",
                const Notification* notification, Duration timeout);
CHASQUI_WRAPPED(bool, DecrementCount, CHASQUI_COUNTER "14DecrementCountEv",
                BlockingCounter* counter);
CHASQUI_WRAPPED(void, WaitForCount, CHASQUI_COUNTER "4WaitEv", BlockingCounter* counter);

// ThreadSanitizer's own. Abseil's macros of these names are empty here, as this file is not
// instrumented.
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}

// Nothing is recorded while one of these lives. What is inline in Abseil and called by it is our
// instrumented copy (HasBeenNotified): the dynamic linker takes the program's before the library's.
class Unrecorded {
 public:
  Unrecorded() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unrecorded() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  Unrecorded(const Unrecorded&) = delete;
  Unrecorded& operator=(const Unrecorded&) = delete;
};

void WrappedLock(Mutex* mutex) {
  __tsan_mutex_pre_lock(mutex, 0);
  RealLock(mutex);
  __tsan_mutex_post_lock(mutex, 0, 0);
}

// Conditions that others await are evaluated in here: nothing is recorded between `pre` and `post`.
void WrappedUnlock(Mutex* mutex) {
  __tsan_mutex_pre_unlock(mutex, 0);
  RealUnlock(mutex);
  __tsan_mutex_post_unlock(mutex, 0);
}

// An unlock and a lock, even if the condition is true already. Nobody else can lock in between, as
// far as ThreadSanitizer sees, that could not in truth.
bool WrappedAwait(Mutex* mutex, const Condition& condition, KernelTimeout timeout) {
  __tsan_mutex_pre_unlock(mutex, 0);
  const bool result = RealAwait(mutex, condition, timeout);
  __tsan_mutex_post_unlock(mutex, 0);
  __tsan_mutex_pre_lock(mutex, 0);
  __tsan_mutex_post_lock(mutex, 0, 0);
  return result;
}

// The constructor is inline and tells of the mutex by itself.
void WrappedDestroy(Mutex* mutex) {
  __tsan_mutex_destroy(mutex, __tsan_mutex_not_static);
  RealDestroy(mutex);
}

// HasBeenNotified() is inline: an acquiring load of the flag, which stands behind the mutex.
void WrappedNotify(Notification* notification) {
  static_assert(sizeof(Notification) == 2 * sizeof(Mutex));
  __tsan_release(notification);
  __tsan_release(reinterpret_cast<char*>(notification) + sizeof(Mutex));
  const Unrecorded unrecorded;
  RealNotify(notification);
}

void WrappedWaitForNotification(const Notification* notification) {
  const Unrecorded unrecorded;
  RealWaitForNotification(notification);
  __tsan_acquire(const_cast<Notification*>(notification));
}

bool WrappedWaitForNotificationWithTimeout(const Notification* notification, Duration timeout) {
  const Unrecorded unrecorded;
  const bool notified = RealWaitForNotificationWithTimeout(notification, timeout);
  if (notified) __tsan_acquire(const_cast<Notification*>(notification));
  return notified;
}

bool WrappedDecrementCount(BlockingCounter* counter) {
  __tsan_release(counter);
  return RealDecrementCount(counter);
}

void WrappedWaitForCount(BlockingCounter* counter) {
  RealWaitForCount(counter);
  __tsan_acquire(counter);
}
