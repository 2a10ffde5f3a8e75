// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "services/inference-worker/engine/decode_context.h"

namespace chasqui::worker {
namespace {

TEST(ChooseLayout, IsExactWithoutAGpu) {
  const Layout layout = ChooseLayout({}, /*has_gpu=*/false);

  EXPECT_FALSE(layout.unified_kv);
  EXPECT_EQ(layout.flash_attention, LLAMA_FLASH_ATTN_TYPE_DISABLED);
}

TEST(ChooseLayout, IsFastWithAGpu) {
  const Layout layout = ChooseLayout({}, /*has_gpu=*/true);

  EXPECT_TRUE(layout.unified_kv);
  EXPECT_EQ(layout.flash_attention, LLAMA_FLASH_ATTN_TYPE_AUTO);
}

TEST(ChooseLayout, GivesAQuantisedCacheTheFlashAttentionItNeeds) {
  const Layout layout = ChooseLayout({.type_v = GGML_TYPE_Q8_0}, /*has_gpu=*/false);

  EXPECT_FALSE(layout.unified_kv);
  EXPECT_EQ(layout.flash_attention, LLAMA_FLASH_ATTN_TYPE_ENABLED);
}

TEST(ChooseLayout, KeepsPartsForFlashAttentionOnCpus) {
  const Layout layout =
      ChooseLayout({.flash_attention = LLAMA_FLASH_ATTN_TYPE_ENABLED}, /*has_gpu=*/false);

  EXPECT_FALSE(layout.unified_kv);
}

TEST(ChooseLayout, DoesWhatItIsTold) {
  const Layout layout = ChooseLayout(
      {.unified_kv = Choice::kOn, .flash_attention = LLAMA_FLASH_ATTN_TYPE_ENABLED}, false);

  EXPECT_TRUE(layout.unified_kv);
  EXPECT_EQ(layout.flash_attention, LLAMA_FLASH_ATTN_TYPE_ENABLED);
}

TEST(CountSequences, CountsThoseWhosePrefixesAreKeptInASharedCacheOnly) {
  EngineOptions options;
  options.slots = 4;
  options.cached_sequences = 6;
  options.unified_kv = Choice::kOn;
  EXPECT_EQ(CountSequences(options, false), 10);

  options.cached_sequences = 1000;
  EXPECT_EQ(CountSequences(options, false), llama_max_parallel_sequences());

  options.prefix_cache = false;
  EXPECT_EQ(CountSequences(options, false), 4);

  options.prefix_cache = true;
  options.unified_kv = Choice::kOff;
  EXPECT_EQ(CountSequences(options, false), 4);
}

}  // namespace
}  // namespace chasqui::worker
