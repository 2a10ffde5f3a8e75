// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/stream_log.h"

#include <chrono>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::bench {
namespace {

using std::chrono::milliseconds;

time::SteadyTime At(int ms) { return time::SteadyTime(milliseconds(ms)); }

StreamLog Stream(const std::vector<int>& arrivals_ms) {
  StreamLog stream(At(0));
  for (int ms : arrivals_ms) stream.OnTokens(1, At(ms));
  return stream;
}

TEST(RateWhileAllGenerate, CountsBetweenTheLastBeginningAndTheFirstEnd) {
  const std::vector<StreamLog> streams = {Stream({100, 200, 300, 400}),
                                          Stream({200, 300, 400, 500})};

  // 200 to 400 ms: two tokens of each.
  EXPECT_DOUBLE_EQ(*RateWhileAllGenerate(streams), 20);
}

TEST(RateWhileAllGenerate, IsNothingWhenOneEndsBeforeAnotherBegins) {
  EXPECT_EQ(RateWhileAllGenerate(std::vector{Stream({100, 200}), Stream({300, 400})}),
            std::nullopt);
  EXPECT_EQ(RateWhileAllGenerate(std::vector{Stream({100, 200}), Stream({})}), std::nullopt);
}

TEST(TimesToFirstToken, AreOfEveryStreamThatBegan) {
  const load::Samples times = TimesToFirstToken(std::vector{Stream({100}), Stream({300, 310})});

  EXPECT_EQ(times.size(), 2U);
  EXPECT_EQ(times.Mean(), milliseconds(200));
}

TEST(InterTokenTimes, AreWithinStreams) {
  const load::Samples times =
      InterTokenTimes(std::vector{Stream({100, 130}), Stream({300, 310, 330})});

  EXPECT_EQ(times.size(), 3U);
  EXPECT_EQ(times.Percentile(100), milliseconds(30));
}

TEST(WorstGap, IsOfGapsThatOverlapWithTheTime) {
  const std::vector<StreamLog> streams = {Stream({100, 150, 250, 260}), Stream({0, 140, 170, 900})};
  struct Case {
    int begin_ms;
    int end_ms;
    std::optional<milliseconds> worst;
  };
  for (const Case& row : {Case{150, 170, milliseconds(100)}, Case{140, 150, milliseconds(50)},
                          Case{140, 151, milliseconds(100)}, Case{150, 171, milliseconds(730)},
                          Case{900, 950, std::nullopt}}) {
    EXPECT_EQ(WorstGap(streams, At(row.begin_ms), At(row.end_ms)), row.worst) << row.begin_ms;
  }
}

}  // namespace
}  // namespace chasqui::bench
