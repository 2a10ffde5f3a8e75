// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/chunk_shaper.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

using inference::v1::Chunk;

AnswerSyntax Syntax() {
  return {.format = FormatOf("<|im_start|>"), .reasoning_apart = true, .tools = {"f", "g"}};
}

// One token for each piece of text, numbered from 1.
const std::vector<std::string> kAnswer = {"<thi",
                                          "nk>",
                                          "Hm",
                                          ".</think>",
                                          "\n\n",
                                          "I ask ",
                                          "<tool",
                                          "_call>",
                                          "{\"",
                                          "name\": \"f\"}</tool_call>",
                                          "<tool_call>{\"name\": \"g\"}",
                                          "</tool_call>"};

Chunk ChunkOf(std::size_t token) {
  Chunk chunk;
  chunk.set_text(kAnswer[token - 1]);
  chunk.add_token_ids(static_cast<std::uint32_t>(token));
  return chunk;
}

// What the client gets from token `first` on.
std::vector<Chunk> Shaped(ChunkShaper& shaper, std::size_t first) {
  std::vector<Chunk> chunks;
  for (std::size_t token = first; token <= kAnswer.size(); ++token) {
    Chunk chunk = ChunkOf(token);
    if (shaper.Shape(chunk)) chunks.push_back(chunk);
  }
  Chunk last;
  if (shaper.Finish(last)) chunks.push_back(last);
  return chunks;
}

Chunk Joined(const std::vector<Chunk>& chunks) {
  Chunk joined;
  for (const Chunk& chunk : chunks) {
    joined.mutable_text()->append(chunk.text());
    joined.mutable_reasoning_text()->append(chunk.reasoning_text());
    joined.mutable_token_ids()->MergeFrom(chunk.token_ids());
    joined.mutable_tool_calls()->MergeFrom(chunk.tool_calls());
  }
  return joined;
}

TEST(ChunkShaper, GivesEachPartItsField) {
  ChunkShaper shaper(Syntax(), "call_x_");

  const Chunk answer = Joined(Shaped(shaper, 1));

  EXPECT_EQ(answer.reasoning_text(), "Hm.");
  EXPECT_EQ(answer.text(), "I ask ");
  ASSERT_EQ(answer.tool_calls_size(), 2);
  EXPECT_EQ(answer.tool_calls(0).id(), "call_x_0");
  EXPECT_EQ(answer.tool_calls(0).name(), "f");
  EXPECT_EQ(answer.tool_calls(1).id(), "call_x_1");
  EXPECT_EQ(answer.tool_calls(1).arguments_json(), "{}");
  EXPECT_TRUE(shaper.ends_in_calls());
}

TEST(ChunkShaper, AccountsForEachTokenOnceInOrder) {
  ChunkShaper shaper(Syntax(), "");

  const Chunk answer = Joined(Shaped(shaper, 1));

  ASSERT_EQ(answer.token_ids_size(), static_cast<int>(kAnswer.size()));
  for (int i = 0; i < answer.token_ids_size(); ++i)
    EXPECT_EQ(answer.token_ids(i), static_cast<std::uint32_t>(i + 1));
}

TEST(ChunkShaper, HoldsTokensWithTheirText) {
  ChunkShaper shaper(Syntax(), "");
  Chunk chunk = ChunkOf(1);
  ASSERT_FALSE(shaper.Shape(chunk));
  chunk = ChunkOf(2);
  ASSERT_FALSE(shaper.Shape(chunk));
  chunk = ChunkOf(3);

  ASSERT_TRUE(shaper.Shape(chunk));

  EXPECT_EQ(chunk.reasoning_text(), "Hm");
  EXPECT_EQ(chunk.token_ids_size(), 3);
}

TEST(ChunkShaper, CountsTheTokensOfReasoning) {
  ChunkShaper shaper(Syntax(), "");
  Shaped(shaper, 1);
  EXPECT_EQ(shaper.reasoning_tokens(), 4);

  ChunkShaper plain(Syntax(), "");
  Chunk chunk;
  chunk.set_text("Hello");
  chunk.add_token_ids(1);
  EXPECT_TRUE(plain.Shape(chunk));
  EXPECT_EQ(plain.reasoning_tokens(), 0);
}

TEST(ChunkShaper, GoesOnAfterAnyChunkTheClientHas) {
  ChunkShaper undisturbed(Syntax(), "call_");
  const std::vector<Chunk> whole = Shaped(undisturbed, 1);
  for (std::size_t seen = 0; seen <= whole.size(); ++seen) {
    std::vector<Chunk> all(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(seen));
    const auto tokens = static_cast<std::size_t>(Joined(all).token_ids_size());
    ChunkShaper shaper(Syntax(), "call_");
    for (std::size_t token = 1; token <= tokens; ++token) shaper.Replay(kAnswer[token - 1], 1);

    const std::vector<Chunk> rest = Shaped(shaper, tokens + 1);

    all.insert(all.end(), rest.begin(), rest.end());
    EXPECT_EQ(Joined(all).SerializeAsString(), Joined(whole).SerializeAsString()) << seen;
    EXPECT_EQ(shaper.reasoning_tokens(), undisturbed.reasoning_tokens()) << seen;
    EXPECT_TRUE(shaper.ends_in_calls()) << seen;
  }
}

TEST(ChunkShaper, GivesWhatWasHeldBackAtTheEnd) {
  ChunkShaper shaper(Syntax(), "");
  Chunk chunk;
  chunk.set_text("<tool_c");
  chunk.add_token_ids(1);
  ASSERT_FALSE(shaper.Shape(chunk));
  chunk.set_index(3);

  ASSERT_TRUE(shaper.Finish(chunk));

  EXPECT_EQ(chunk.index(), 3);
  EXPECT_EQ(chunk.text(), "<tool_c");
  EXPECT_EQ(chunk.token_ids_size(), 1);
}

}  // namespace
}  // namespace chasqui::worker
