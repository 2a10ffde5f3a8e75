// SPDX-License-Identifier: Apache-2.0
#include "common/observability/metrics.h"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace chasqui::observability {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, ShowsCountersGaugesAndHistograms) {
  Metrics metrics("router");

  metrics.AddCounter("a_total", "Things.").Increment(2);
  metrics.AddGauge("b", "A level.").Set(-1.5);
  metrics.AddHistogram("c_seconds", "A time.", kTimeToFirstTokenSeconds).Observe(0.3);

  EXPECT_THAT(
      metrics.Text(),
      AllOf(HasSubstr("# HELP a_total Things.\n# TYPE a_total counter\na_total 2\n"),
            HasSubstr("\nb -1.5\n"), HasSubstr("c_seconds_bucket{le=\"0.25\"} 0\n"),
            HasSubstr("c_seconds_bucket{le=\"0.5\"} 1\n"), HasSubstr("c_seconds_count 1\n")));
}

TEST(Metrics, GivesTheSameMetricForTheSameName) {
  Metrics metrics("router");

  EXPECT_EQ(&metrics.AddCounter("a_total", ""), &metrics.AddCounter("a_total", ""));
  EXPECT_EQ(&metrics.AddCounters("b_total", "", {"x"}), &metrics.AddCounters("b_total", "", {"x"}));
}

TEST(Metrics, TellsSeriesApartByTheirLabels) {
  Metrics metrics("router");
  auto& family = metrics.AddCounters("a_total", "", {"model", "code"});

  family.With({"x", "OK"}).Increment();
  family.With({"x", "OK"}).Increment();
  family.With({"xO", "K\"\n"}).Increment();

  EXPECT_THAT(metrics.Text(), AllOf(HasSubstr("a_total{code=\"OK\",model=\"x\"} 2\n"),
                                    HasSubstr("a_total{code=\"K\\\"\\n\",model=\"xO\"} 1\n")));
}

TEST(Metrics, CountsSeriesBeyondTheBoundAsOther) {
  Metrics metrics("router");
  auto& family = metrics.AddCounters("a_total", "", {"model"});

  for (int i = 0; i < 1500; ++i) family.With({absl::StrCat("m", i)}).Increment();
  family.With({"m1"}).Increment();

  const std::string text = metrics.Text();
  EXPECT_THAT(
      text, AllOf(HasSubstr("a_total{model=\"m1\"} 2\n"), HasSubstr("model=\"m999\""),
                  Not(HasSubstr("model=\"m1000\"")), HasSubstr("a_total{model=\"other\"} 500\n")));
}

TEST(Metrics, ForgetsARemovedSeries) {
  Metrics metrics("router");
  auto& family = metrics.AddGauges("slots", "", {"worker"});
  family.With({"w1"}).Set(8);

  family.Remove({"w1"});
  family.Remove({"never there"});

  EXPECT_THAT(metrics.Text(), Not(HasSubstr("w1")));
  family.With({"w1"}).Set(4);
  EXPECT_THAT(metrics.Text(), HasSubstr("slots{worker=\"w1\"} 4\n"));
}

TEST(Metrics, CollectsUntilTheHandleIsGone) {
  Metrics metrics("router");
  Gauge& waiting = metrics.AddGauge("waiting", "");
  int length = 1;
  {
    const auto collector = metrics.OnCollect([&] { waiting.Set(length); });
    length = 7;
    EXPECT_THAT(metrics.Text(), HasSubstr("\nwaiting 7\n"));
  }
  length = 9;
  EXPECT_THAT(metrics.Text(), HasSubstr("\nwaiting 7\n"));
}

double ValueOf(const std::string& text, std::string_view name) {
  for (const std::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() == 2 && words[0] == name) return std::stod(words[1]);
  }
  return -1;
}

TEST(Metrics, ShowsTheProcess) {
  const std::string text = Metrics("router").Text();

  EXPECT_GT(ValueOf(text, "process_resident_memory_bytes"), 1e6);
  EXPECT_GT(ValueOf(text, "process_virtual_memory_bytes"), 1e6);
  EXPECT_GE(ValueOf(text, "process_cpu_seconds_total"), 0);
  EXPECT_GE(ValueOf(text, "process_open_fds"), 3);
  EXPECT_GT(ValueOf(text, "process_max_fds"), 3);
  EXPECT_GE(ValueOf(text, "process_threads"), 1);
  EXPECT_GT(ValueOf(text, "process_start_time_seconds"), 1e9);
  EXPECT_THAT(text, HasSubstr("chasqui_build_info{revision="));
}

TEST(Buckets, GrowStrictly) {
  const auto grows = [](const auto& buckets) {
    return std::ranges::adjacent_find(buckets, std::greater_equal<>()) == buckets.end();
  };
  EXPECT_TRUE(grows(kTimeToFirstTokenSeconds));
  EXPECT_TRUE(grows(kInterTokenSeconds));
  EXPECT_TRUE(grows(kRequestSeconds));
  EXPECT_TRUE(grows(kServerHandlingSeconds));
  EXPECT_TRUE(grows(kRpcSeconds));
  EXPECT_TRUE(grows(kTokens));
  EXPECT_TRUE(grows(kCounts));
}

using MetricsDeathTest = ::testing::Test;

TEST_F(MetricsDeathTest, RefusesTheWrongNumberOfLabels) {
  Metrics metrics("router");
  auto& family = metrics.AddCounters("a_total", "", {"model"});
  EXPECT_DEATH(family.With({"x", "y"}), "labels of a_total");
  EXPECT_DEATH(metrics.AddCounters("a_total", "", {"worker"}), "added with other labels");
}

}  // namespace
}  // namespace chasqui::observability
