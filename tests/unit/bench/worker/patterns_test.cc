// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/bench/worker/load/burst.h"
#include "tests/bench/worker/load/closed_loop.h"
#include "tests/bench/worker/load/long_prompt.h"
#include "tests/bench/worker/load/shared_prefix.h"
#include "tests/unit/bench/worker/fake_stream_client.h"

namespace chasqui::bench {
namespace {

using testing::AllOf;
using testing::Each;
using testing::Field;
using testing::Ge;
using testing::Le;
using testing::SizeIs;

std::vector<uint32_t> FirstTokens(const StreamRequest& request, size_t count) {
  return {request.prompt.begin(), request.prompt.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(RunBurst, StartsAllAtOnceWithPromptsOfTheirOwn) {
  FakeStreamClient client;

  const auto report = RunBurst(client, {.concurrent = 4, .prompt_tokens = 8});

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(client.most_running(), 4U);
  EXPECT_THAT(client.requests(), SizeIs(4));
  EXPECT_NE(client.requests()[0].prompt, client.requests()[1].prompt);
  EXPECT_DOUBLE_EQ((*report)["decode_tokens_per_second"].get<double>(), 4000);
}

TEST(RunBurst, TellsTheFirstFailure) {
  FakeStreamClient client;
  client.FailAfter(1);

  EXPECT_EQ(RunBurst(client, {.concurrent = 2}).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(RunClosedLoop, KeepsEachUserBusyUntilAllIsAskedFor) {
  FakeStreamClient client;

  const auto report = RunClosedLoop(client, {.users = 3, .requests = 20});

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(client.most_running(), 3U);
  EXPECT_THAT(client.requests(), SizeIs(20));
  EXPECT_TRUE(report->contains("generated_tokens_per_second"));
  EXPECT_TRUE(report->contains("ttft_mean_ms"));
  EXPECT_TRUE(report->contains("ttft_p99_ms"));
}

TEST(RunClosedLoop, DrawsLengthsFromTheirRanges) {
  FakeStreamClient client;

  ASSERT_TRUE(RunClosedLoop(client, {.requests = 200}).ok());

  const auto& requests = client.requests();
  EXPECT_THAT(requests,
              Each(AllOf(Field(&StreamRequest::prompt, SizeIs(AllOf(Ge(32U), Le(256U)))),
                         Field(&StreamRequest::generated_tokens, AllOf(Ge(16U), Le(128U))))));
  const auto by_output = [](const StreamRequest& a, const StreamRequest& b) {
    return a.generated_tokens < b.generated_tokens;
  };
  const auto [shortest, longest] = std::ranges::minmax_element(requests, by_output);
  EXPECT_LT(shortest->generated_tokens, 32U);
  EXPECT_GT(longest->generated_tokens, 112U);
}

TEST(RunClosedLoop, AsksForTheSameAgainWithTheSameSeedOnly) {
  const auto asked = [](uint64_t seed, uint32_t users) {
    FakeStreamClient client;
    EXPECT_TRUE(RunClosedLoop(client, {.users = users, .requests = 10, .seed = seed}).ok());
    std::vector<std::vector<uint32_t>> prompts;
    for (const StreamRequest& request : client.requests()) prompts.push_back(request.prompt);
    return prompts;
  };

  EXPECT_EQ(asked(1, 2), asked(1, 5));
  EXPECT_NE(asked(1, 2), asked(2, 2));
}

TEST(RunClosedLoop, AsksForNoMoreAfterAFailure) {
  FakeStreamClient client;
  client.FailAfter(2);

  EXPECT_EQ(RunClosedLoop(client, {.users = 2, .requests = 100}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_LT(client.requests().size(), 6U);
}

TEST(RunSharedPrefix, SharesThePrefixAndNoSuffix) {
  FakeStreamClient client;

  const auto report = RunSharedPrefix(client, {.prefix_tokens = 100, .suffix_tokens = 10});

  ASSERT_TRUE(report.ok()) << report.status();
  const auto& requests = client.requests();
  ASSERT_THAT(requests, SizeIs(4));
  for (size_t i = 1; i < requests.size(); ++i) {
    EXPECT_EQ(FirstTokens(requests[i], 100), FirstTokens(requests[0], 100));
    EXPECT_NE(requests[i].prompt, requests[i - 1].prompt);
  }
}

TEST(RunSharedPrefix, RunsTheLastBesideAnotherOfThePrefix) {
  FakeStreamClient client;

  const auto report = RunSharedPrefix(client, {.prefix_tokens = 100, .suffix_tokens = 10});

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(client.most_running(), 2U);
  // A server that shares nothing computes 110 tokens in a step.
  EXPECT_DOUBLE_EQ((*report)["ttft_warm_other_slot_ms"].get<double>(), 111);
}

TEST(RunSharedPrefix, EndsAfterAFailure) {
  for (const size_t before : {0U, 1U, 2U, 3U}) {
    FakeStreamClient client;
    client.FailAfter(before);

    EXPECT_EQ(RunSharedPrefix(client, {}).status().code(), absl::StatusCode::kResourceExhausted)
        << before;
  }
}

TEST(RunLongPrompt, ArrivesAmidStreamsThatGenerate) {
  FakeStreamClient client;

  const auto report = RunLongPrompt(client, {.running = 3, .prompt_tokens = 500});

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(client.most_running(), 4U);
  ASSERT_THAT(client.requests(), SizeIs(4));
  EXPECT_THAT(client.requests()[3].prompt, SizeIs(500));
  EXPECT_DOUBLE_EQ((*report)["worst_gap_ms"].get<double>(), 501);
  EXPECT_DOUBLE_EQ((*report)["long_prompt_ttft_ms"].get<double>(), 501);
}

TEST(RunLongPrompt, EndsAfterAFailure) {
  for (const size_t before : {0U, 2U, 3U}) {
    FakeStreamClient client;
    client.FailAfter(before);

    EXPECT_EQ(RunLongPrompt(client, {.running = 3}).status().code(),
              absl::StatusCode::kResourceExhausted)
        << before;
  }
}

}  // namespace
}  // namespace chasqui::bench
