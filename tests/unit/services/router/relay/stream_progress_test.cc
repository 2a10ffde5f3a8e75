// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/stream_progress.h"

#include <chrono>

#include <gtest/gtest.h>
#include <prometheus/histogram.h>

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

constexpr time::SteadyTime kArrived{1h};

TEST(StreamProgress, TimesTheFirstChunkFromTheArrivalAndOthersFromTheOneBefore) {
  prometheus::Histogram first(prometheus::Histogram::BucketBoundaries{1.0});
  prometheus::Histogram between(prometheus::Histogram::BucketBoundaries{1.0});
  StreamProgress progress(kArrived);
  progress.Measure(first, between);

  progress.OnEvent(EventKind::kStarted, kArrived + 1s);
  progress.OnEvent(EventKind::kChunk, kArrived + 3s);
  progress.OnEvent(EventKind::kChunk, kArrived + 5s);
  progress.OnEvent(EventKind::kFinished, kArrived + 9s);

  EXPECT_EQ(progress.to_first_chunk(), 3s);
  EXPECT_EQ(first.Collect().histogram.sample_sum, 3);
  EXPECT_EQ(between.Collect().histogram.sample_sum, 2);
  EXPECT_EQ(between.Collect().histogram.sample_count, 1u);
  EXPECT_EQ(progress.events(), 4u);
  EXPECT_TRUE(progress.finished());
}

TEST(StreamProgress, KnowsWhenNothingHasComeYet) {
  const StreamProgress progress(kArrived);

  EXPECT_FALSE(progress.to_first_chunk().has_value());
  EXPECT_FALSE(progress.finished());
}

}  // namespace
}  // namespace chasqui::router
