// SPDX-License-Identifier: Apache-2.0
#include "tools/quantize/quantize_type.h"

#include <algorithm>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"

namespace chasqui::quantize {
namespace {

using absl_testing::IsOkAndHolds;
using absl_testing::StatusIs;
using testing::HasSubstr;

TEST(QuantizeTypes, AreAllThatLibllamaWrites) {
  constexpr int kPastTheLast = 256;
  for (int i = 0; i < kPastTheLast; ++i) {
    const auto type = static_cast<llama_ftype>(i);
    const bool known = !std::string(llama_ftype_name(type)).contains("unknown");
    // NVFP4 it only reads: llama_model_quantize says "invalid output file type".
    const bool written = known && type != LLAMA_FTYPE_MOSTLY_NVFP4;
    EXPECT_EQ(std::ranges::contains(QuantizeTypes(), type, &QuantizeType::type), written)
        << i << " " << llama_ftype_name(type);
  }
}

TEST(QuantizeTypes, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  std::set<llama_ftype> types;
  for (const QuantizeType& type : QuantizeTypes()) {
    names.insert(type.name);
    types.insert(type.type);
  }

  EXPECT_EQ(names.size(), QuantizeTypes().size());
  EXPECT_EQ(types.size(), QuantizeTypes().size());
}

// libllama's own names say the same in other words: "Q4_K - Medium".
TEST(QuantizeTypes, AreNamedAsLibllamaNamesThem) {
  for (const QuantizeType& type : QuantizeTypes()) {
    const std::string own = llama_ftype_name(type.type);
    const std::string_view stem = type.name.substr(0, type.name.find_first_of('_', 3));
    EXPECT_TRUE(own.contains(stem) || type.name.contains(own.substr(0, own.find(' '))))
        << type.name << " is " << own;
  }
}

TEST(ParseQuantizeType, TakesEitherCaseAndNamesTheKnown) {
  EXPECT_EQ(ParseQuantizeType("q4_k_m")->type, LLAMA_FTYPE_MOSTLY_Q4_K_M);
  EXPECT_EQ(ParseQuantizeType("IQ3_xxs")->type, LLAMA_FTYPE_MOSTLY_IQ3_XXS);
  EXPECT_THAT(ParseQuantizeType("q9"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::AllOf(HasSubstr("\"q9\""), HasSubstr("Q4_K_M"), HasSubstr("F16"))));
}

TEST(ParseTensorType, TakesTypesThatHoldWeightsOnly) {
  EXPECT_THAT(ParseTensorType("q8_0"), IsOkAndHolds(GGML_TYPE_Q8_0));
  EXPECT_THAT(ParseTensorType("Q6_K"), IsOkAndHolds(GGML_TYPE_Q6_K));
  EXPECT_THAT(ParseTensorType("bf16"), IsOkAndHolds(GGML_TYPE_BF16));
  for (const char* name : {"i32", "q8_1", "q8_K", "f64", "", "q4_k_m"}) {
    EXPECT_THAT(ParseTensorType(name),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("q8_0")))
        << name;
  }
}

}  // namespace
}  // namespace chasqui::quantize
