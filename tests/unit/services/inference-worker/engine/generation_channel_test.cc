// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/generation_channel.h"

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

TEST(GenerationChannel, GivesEventsInOrder) {
  GenerationChannel channel(1, 4, [] {});
  channel.Put(TextPiece{"a", {1}});
  channel.Put(TextPiece{"b", {2}});

  EXPECT_EQ(std::get<TextPiece>(*channel.Take()).text, "a");
  EXPECT_EQ(std::get<TextPiece>(*channel.Take()).text, "b");
  EXPECT_EQ(channel.Take(), std::nullopt);
}

TEST(GenerationChannel, WakesTheEngineWhenAFullOneIsHalfEmpty) {
  int wakes = 0;
  GenerationChannel channel(1, 4, [&] { ++wakes; });
  for (int i = 0; i < 4; ++i) channel.Put(TextPiece{"a", {1}});
  EXPECT_TRUE(channel.full());

  channel.Take();
  EXPECT_EQ(wakes, 0);
  channel.Take();

  EXPECT_EQ(wakes, 1);
  EXPECT_FALSE(channel.full());
}

TEST(GenerationChannel, WakesTheEngineOnceForACancellation) {
  int wakes = 0;
  GenerationChannel channel(1, 4, [&] { ++wakes; });

  channel.Cancel();
  channel.Cancel();

  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(channel.cancelled());
}

}  // namespace
}  // namespace chasqui::worker
