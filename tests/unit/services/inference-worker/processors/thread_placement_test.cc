// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/processors/thread_placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "absl/status/status_matchers.h"
#include "common/concurrency/named_thread.h"
#include "services/inference-worker/processors/processor_list.h"

namespace chasqui::worker {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using testing::HasSubstr;

// What a thread is after it was placed, and what one is that it made.
struct Seen {
  absl::Status status;
  std::vector<int> processors;
  int nice = 0;
  std::vector<int> childs_processors;
  int childs_nice = 0;
};

Seen Place(const ThreadPlacement& placement) {
  Seen seen;
  concurrency::NamedThread thread("placed", [&](const std::stop_token&) {
    seen.status = PlaceThisThread(placement);
    seen.processors = AllowedProcessors();
    seen.nice = getpriority(PRIO_PROCESS, 0);
    concurrency::NamedThread("child", [&](const std::stop_token&) {
      seen.childs_processors = AllowedProcessors();
      seen.childs_nice = getpriority(PRIO_PROCESS, 0);
    }).Join();
  });
  thread.Join();
  return seen;
}

TEST(PlaceThisThread, ChangesNothingUnasked) {
  const Seen seen = Place({});

  EXPECT_THAT(seen.status, IsOk());
  EXPECT_EQ(seen.processors, AllowedProcessors());
  EXPECT_EQ(seen.nice, getpriority(PRIO_PROCESS, 0));
}

TEST(PlaceThisThread, HoldsForTheThreadAndThoseItMakes) {
  const std::vector<int> last = {AllowedProcessors().back()};
  const int nice = getpriority(PRIO_PROCESS, 0) + 1;

  const Seen seen = Place({.processors = last, .nice = nice});

  EXPECT_THAT(seen.status, IsOk());
  EXPECT_EQ(seen.processors, last);
  EXPECT_EQ(seen.nice, nice);
  EXPECT_EQ(seen.childs_processors, last);
  EXPECT_EQ(seen.childs_nice, nice);
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), nice - 1);  // this thread's is as it was
}

TEST(PlaceThisThread, TellsWhatTheSystemRefuses) {
  EXPECT_THAT(Place({.processors = {1023}, .nice = {}}).status,
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("processors 1023")));
}

}  // namespace
}  // namespace chasqui::worker
