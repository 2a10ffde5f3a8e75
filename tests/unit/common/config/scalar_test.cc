// SPDX-License-Identifier: Apache-2.0
#include "common/config/scalar.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"

namespace chasqui::config {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;
using ::absl_testing::IsOkAndHolds;
using ::absl_testing::StatusIs;

TEST(ParseDuration, ReadsWhatOperatorsWrite) {
  EXPECT_THAT(ParseDuration("200ms"), IsOkAndHolds(200ms));
  EXPECT_THAT(ParseDuration("1.5s"), IsOkAndHolds(1500ms));
  EXPECT_THAT(ParseDuration("90 s"), IsOkAndHolds(90s));
  EXPECT_THAT(ParseDuration("2 min"), IsOkAndHolds(2min));
  EXPECT_THAT(ParseDuration("1h30m"), IsOkAndHolds(90min));
  EXPECT_THAT(ParseDuration(" 5us "), IsOkAndHolds(5us));
  EXPECT_THAT(ParseDuration("0"), IsOkAndHolds(0ns));
  EXPECT_THAT(ParseDuration("0s"), IsOkAndHolds(0ns));
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const std::string_view text : {"", "5", "1.5", "s", "-1s", "1 0s", "1x", "inf", "-inf",
                                      "nan", "1s2", "0x1s", "1e3s", "forever", "99999999999999h"}) {
    EXPECT_THAT(ParseDuration(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(FormatDuration, IsReadBack) {
  for (const nanoseconds duration : {0ns, 1ns, 1500ns, nanoseconds(200ms), nanoseconds(90s),
                                     nanoseconds(25h), nanoseconds::max()}) {
    EXPECT_THAT(ParseDuration(FormatDuration(duration)), IsOkAndHolds(duration));
  }
  EXPECT_EQ(FormatDuration(90s), "1m30s");
}

TEST(ParseByteSize, ReadsBothKindsOfUnits) {
  EXPECT_THAT(ParseByteSize("512"), IsOkAndHolds(512u));
  EXPECT_THAT(ParseByteSize("64KiB"), IsOkAndHolds(65536u));
  EXPECT_THAT(ParseByteSize("64kib"), IsOkAndHolds(65536u));
  EXPECT_THAT(ParseByteSize("1.5 GiB"), IsOkAndHolds(1610612736u));
  EXPECT_THAT(ParseByteSize("10MB"), IsOkAndHolds(10'000'000u));
  EXPECT_THAT(ParseByteSize("7B"), IsOkAndHolds(7u));
  EXPECT_THAT(ParseByteSize("18446744073709551615"),
              IsOkAndHolds(std::numeric_limits<std::uint64_t>::max()));
}

TEST(ParseByteSize, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", "-1", "64K", "64M", "MiB", "1.5", "0.3KiB", "1e3MiB", "0x1GiB", "inf GiB",
        "16777216TiB", "18446744073709551616", "1 2KiB"}) {
    EXPECT_THAT(ParseByteSize(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(FormatByteSize, TakesTheLargestUnitThatDivides) {
  EXPECT_EQ(FormatByteSize(0), "0");
  EXPECT_EQ(FormatByteSize(1000), "1000");
  EXPECT_EQ(FormatByteSize(65536), "64KiB");
  EXPECT_EQ(FormatByteSize(1ull << 50), "1024TiB");
}

TEST(ParseBool, ReadsTheUsualWords) {
  EXPECT_THAT(ParseBool("True"), IsOkAndHolds(true));
  EXPECT_THAT(ParseBool("off"), IsOkAndHolds(false));
  EXPECT_THAT(ParseBool("maybe"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ProtoDuration, SaturatesBeyondWhatNanosecondsCount) {
  google::protobuf::Duration longest;
  longest.set_seconds(315'576'000'000);

  EXPECT_EQ(FromProto(longest), nanoseconds::max());
  EXPECT_EQ(FromProto(ToProto(1500ms)), 1500ms);
}

}  // namespace
}  // namespace chasqui::config
