// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/stream_log.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "common/rpc/message.h"

namespace chasqui::router {
namespace {

using inference::v1::StreamGenerateResponse;
using ::testing::ElementsAre;

StreamGenerateResponse Started() {
  StreamGenerateResponse event;
  event.mutable_started()->set_model_fingerprint("f");
  event.mutable_started()->set_seed(7);
  return event;
}

StreamGenerateResponse Chunk(std::uint32_t index, const std::vector<std::uint32_t>& ids,
                             const std::string& text = "x") {
  StreamGenerateResponse event;
  event.mutable_chunk()->set_index(index);
  event.mutable_chunk()->set_text(text);
  event.mutable_chunk()->mutable_token_ids()->Add(ids.begin(), ids.end());
  return event;
}

void Append(StreamGenerateResponse event, StreamLog& log) {
  event.set_sequence(log.next_sequence());
  log.Append(rpc::Serialize(event));
}

StreamGenerateResponse At(const StreamLog& log, std::uint64_t sequence) {
  StreamGenerateResponse event;
  EXPECT_TRUE(rpc::Parse(log.At(sequence), event));
  return event;
}

TEST(StreamLog, GivesEveryEventBackAsItWas) {
  StreamLog log(1 << 20);
  Append(Started(), log);
  Append(Chunk(0, {1}, "one"), log);
  Append(Chunk(0, {2}, ""), log);

  EXPECT_EQ(log.oldest_sequence(), 0u);
  EXPECT_EQ(log.next_sequence(), 3u);
  EXPECT_TRUE(At(log, 0).has_started());
  EXPECT_EQ(At(log, 1).chunk().text(), "one");
  EXPECT_EQ(At(log, 2).sequence(), 2u);
}

TEST(StreamLog, KnowsTheTokensOfEachAnswer) {
  StreamLog log(1 << 20);
  Append(Started(), log);
  Append(Chunk(1, {1, 2}), log);
  Append(Chunk(0, {3}), log);
  Append(Chunk(1, {4}), log);

  const auto seen = log.Seen();

  EXPECT_EQ(seen.next_sequence(), 4u);
  ASSERT_EQ(seen.candidates_size(), 2);
  EXPECT_EQ(seen.candidates(0).index(), 1u);
  EXPECT_THAT(seen.candidates(0).token_ids(), ElementsAre(1, 2, 4));
  EXPECT_THAT(seen.candidates(1).token_ids(), ElementsAre(3));
}

TEST(StreamLog, ForgetsOldEventsButNotTheirTokens) {
  StreamLog log(1000);
  Append(Started(), log);
  std::vector<std::uint32_t> all;
  for (std::uint32_t id = 0; id < 500; ++id) {
    Append(Chunk(0, {id}, std::string(id % 40, 'x')), log);
    all.push_back(id);
    ASSERT_LE(log.bytes(), 1100u);
  }

  EXPECT_GT(log.oldest_sequence(), 400u);
  EXPECT_LT(log.oldest_sequence(), log.next_sequence());
  for (std::uint64_t n = log.oldest_sequence(); n < log.next_sequence(); ++n) {
    EXPECT_EQ(At(log, n).sequence(), n);
  }
  EXPECT_THAT(log.Seen().candidates(0).token_ids(), ::testing::ElementsAreArray(all));
  EXPECT_EQ(log.ReadStarted()->seed(), 7u);
}

TEST(StreamLog, KeepsNothingOfAnEventThatIsTooLarge) {
  StreamLog log(100);
  Append(Started(), log);
  Append(Chunk(0, {1}, std::string(1000, 'x')), log);

  EXPECT_EQ(log.oldest_sequence(), 2u);
  EXPECT_THAT(log.Seen().candidates(0).token_ids(), ElementsAre(1));
}

TEST(StreamLog, BeginsWhereTheClientWentOn) {
  inference::v1::ResumePoint seen;
  seen.set_next_sequence(5);
  seen.add_candidates()->add_token_ids(8);
  StreamLog log(1 << 20);

  log.BeginAfter(seen);
  Append(Started(), log);
  Append(Chunk(0, {9}), log);

  EXPECT_EQ(log.oldest_sequence(), 5u);
  EXPECT_EQ(log.next_sequence(), 7u);
  EXPECT_THAT(log.Seen().candidates(0).token_ids(), ElementsAre(8, 9));
}

TEST(StreamLog, SaysWhenTheFirstEventWasNotStarted) {
  StreamLog log(1 << 20);
  Append(Chunk(0, {1}), log);

  EXPECT_THAT(log.ReadStarted(), absl_testing::StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace chasqui::router
