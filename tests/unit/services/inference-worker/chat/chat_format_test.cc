// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/chat_format.h"

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

TEST(FormatOf, KnowsFamiliesByTheirMarkers) {
  const struct {
    const char* chat_template;
    ToolFamily family;
    const char* reasoning_end;
  } kCases[] = {
      {"", ToolFamily::kGeneric, "</think>"},
      {"<|im_start|>", ToolFamily::kHermes, "</think>"},
      {"<start_of_turn>", ToolFamily::kGeneric, "</think>"},
      {"<|start_header_id|>", ToolFamily::kLlama3, "</think>"},
      {"[INST]", ToolFamily::kGeneric, "</think>"},
      {"[INST] [TOOL_CALLS]", ToolFamily::kMistral, "</think>"},
      {"[INST] [TOOL_CALLS] [THINK] [/THINK]", ToolFamily::kMistral, "[/THINK]"},
      {"[|assistant|]<thought></thought>", ToolFamily::kGeneric, "</thought>"},
      {"<|START_OF_TURN_TOKEN|><|END_THINKING|>", ToolFamily::kGeneric, "<|END_THINKING|>"},
  };
  for (const auto& c : kCases) {
    const ChatFormat format = FormatOf(c.chat_template);
    EXPECT_EQ(format.tools, c.family) << c.chat_template;
    EXPECT_EQ(format.reasoning_end, c.reasoning_end) << c.chat_template;
    EXPECT_EQ(format.no_reasoning, "") << c.chat_template;
  }
}

TEST(FormatOf, SwitchesReasoningOffWhereTheTemplateCan) {
  EXPECT_EQ(FormatOf("<|im_start|>{% if enable_thinking %}<think>\n\n</think>").no_reasoning,
            "<think>\n\n</think>\n\n");
  EXPECT_EQ(FormatOf("<|im_start|><think>\n").no_reasoning, "");
}

}  // namespace
}  // namespace chasqui::worker
