// SPDX-License-Identifier: Apache-2.0
#include "tools/quantize/quantize_log.h"

#include <gtest/gtest.h>

namespace chasqui::quantize {
namespace {

TEST(ParseTensorLine, ReadsNumberCountAndName) {
  const TensorLine expected{.number = 12, .count = 147, .name = "blk.1.ffn_up.weight"};

  EXPECT_EQ(ParseTensorLine("[  12/ 147] blk.1.ffn_up.weight      - [  256,  1024,     1,     1], "
                            "type =    f16, "),
            expected);
}

TEST(ParseTensorLine, TakesNothingElse) {
  for (const char* line : {"", "[", "[1/2]", "[x/2] name", "[3/2] name", "[0/2] name",
                           "llama_model_loader: - kv 0", "]1/2[ name", "converting to q8_0 .. "}) {
    EXPECT_EQ(ParseTensorLine(line), std::nullopt) << line;
  }
}

TEST(ParseSizeLine, ReadsTheBytesOfWhatIsAskedFor) {
  const char* line = "llama_model_quantize_impl: quant size  =     1.50 MiB (4.83 BPW)";

  EXPECT_EQ(ParseSizeLine(line, "quant"), 3U << 19);
  EXPECT_EQ(ParseSizeLine(line, "model"), std::nullopt);
  EXPECT_EQ(ParseSizeLine("x: model size  = 0.00 MiB (16.00 BPW)", "model"), 0);
}

TEST(ParseSizeLine, TakesNothingElse) {
  for (const char* line : {"", "quant size", "quant size = ", "quant size = x MiB",
                           "quant size = -1 MiB", "quant size = nan MiB"}) {
    EXPECT_EQ(ParseSizeLine(line, "quant"), std::nullopt) << line;
  }
}

}  // namespace
}  // namespace chasqui::quantize
