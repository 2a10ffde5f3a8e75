// SPDX-License-Identifier: Apache-2.0
#include "common/inference/remembered.h"

#include <string>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace chasqui::inference {
namespace {

v1::GenerateRequest Request(const std::string& text) {
  v1::GenerateRequest request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("prompt: 'x' " + text, &request));
  return request;
}

struct Case {
  std::string request;
  std::string why;  // a part of it; empty: it is remembered
  bool seeded = false;
};

class Remembered : public ::testing::TestWithParam<Case> {};

TEST_P(Remembered, IsWhatWouldBeTheSameAgain) {
  const std::string why = WhyNotRemembered(Request(GetParam().request), GetParam().seeded);

  if (GetParam().why.empty()) {
    EXPECT_EQ(why, "");
  } else {
    EXPECT_NE(why.find(GetParam().why), std::string::npos) << why;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Remembered,
    ::testing::Values(
        Case{"sampling { temperature: 0 }", ""}, Case{"", "at random"},
        Case{"sampling { temperature: 0.1 }", "at random"},
        Case{"sampling { temperature: 1 seed: 7 }", "by a seed"},
        Case{"sampling { temperature: 1 seed: 7 }", "", true},
        Case{"sampling { seed: 7 } cache_policy { seeded_is_deterministic: true }", ""},
        Case{"sampling { temperature: 1 } cache_policy { seeded_is_deterministic: true }",
             "at random"},
        Case{"sampling { temperature: 0 } resume {}", "resumes"},
        Case{"sampling { temperature: 0 } conversation_id: 'c'", "conversation"},
        Case{"sampling { seed: 7 mirostat {} }", "mirostat", true},
        Case{"sampling { temperature: 0 } context_policy { overflow: OVERFLOW_SHIFT }",
             "shifted"}));

}  // namespace
}  // namespace chasqui::inference
