// SPDX-License-Identifier: Apache-2.0
#include "tools/load/process_usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/status/status_matchers.h"

namespace chasqui::load {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;

TEST(ReadUsage, AddsProcessesUp) {
  const absl::StatusOr<ProcessUsage> once = ReadUsage({getpid()});
  const absl::StatusOr<ProcessUsage> twice = ReadUsage({getpid(), getpid()});

  ASSERT_THAT(once, IsOk());
  ASSERT_THAT(twice, IsOk());
  EXPECT_GT(once->resident_bytes, 1U << 20);
  EXPECT_LT(once->resident_bytes, uint64_t{1} << 40);
  EXPECT_GT(twice->resident_bytes, once->resident_bytes * 3 / 2);
}

TEST(ReadUsage, NamesAProcessThatIsGone) {
  EXPECT_THAT(ReadUsage({0x7FFFFFFF}),
              StatusIs(absl::StatusCode::kNotFound, testing::HasSubstr("2147483647")));
}

}  // namespace
}  // namespace chasqui::load
