// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "services/inference-worker/engine/decode_context.h"

namespace chasqui::worker {
namespace {

TEST(ChooseLayout, IsExactWithoutAGpu) {
  const Layout layout = ChooseLayout({}, /*on_gpu=*/false);

  EXPECT_FALSE(layout.unified_kv);
  EXPECT_EQ(layout.flash_attention, LLAMA_FLASH_ATTN_TYPE_DISABLED);
}

TEST(ChooseLayout, IsFastOnAGpu) {
  const Layout layout = ChooseLayout({}, /*on_gpu=*/true);

  EXPECT_FALSE(layout.unified_kv);
  EXPECT_EQ(layout.flash_attention, LLAMA_FLASH_ATTN_TYPE_AUTO);
}

TEST(ChooseLayout, SharesACacheOnAGpuThatHasNoWholeContextForEverySlot) {
  EngineOptions options{.slots = 8, .context_tokens = 4096, .kv_tokens = 8 * 4096};
  EXPECT_FALSE(ChooseLayout(options, /*on_gpu=*/true).unified_kv);
  --options.kv_tokens;
  EXPECT_TRUE(ChooseLayout(options, /*on_gpu=*/true).unified_kv);
  EXPECT_FALSE(ChooseLayout(options, /*on_gpu=*/false).unified_kv);
}

TEST(ChooseLayout, GivesAQuantisedCacheTheFlashAttentionItNeeds) {
  const Layout layout = ChooseLayout({.type_v = GGML_TYPE_Q8_0}, /*on_gpu=*/false);

  EXPECT_FALSE(layout.unified_kv);
  EXPECT_EQ(layout.flash_attention, LLAMA_FLASH_ATTN_TYPE_ENABLED);
}

TEST(ChooseLayout, KeepsPartsForFlashAttentionOnCpus) {
  const Layout layout = ChooseLayout({.flash_attention = LLAMA_FLASH_ATTN_TYPE_ENABLED},
                                     /*on_gpu=*/false);

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
