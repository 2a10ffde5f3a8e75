// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/tool_call_json.h"

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

using Calls = std::vector<WrittenCall>;

TEST(ParseCalls, TakesObjectsAndArraysOfThem) {
  const std::vector<std::string> tools = {"f"};

  EXPECT_EQ(ParseCalls(R"({"name": "f"})", tools), (Calls{{"f", "{}"}}));
  EXPECT_EQ(ParseCalls(R"({"arguments": {"b": 1, "a": [2]}, "name": "f"})", tools),
            (Calls{{"f", R"({"b":1,"a":[2]})"}}));
  EXPECT_EQ(ParseCalls(R"([{"name": "f", "parameters": {}}, {"name": "f"}])", tools),
            (Calls{{"f", "{}"}, {"f", "{}"}}));
}

TEST(ParseCalls, RefusesWhatIsNoCall) {
  for (const char* json : {"", "{", "1", "[]", "{}", R"({"name": 1})", R"({"name": "g"})",
                           R"({"name": "f", "arguments": "x"})", R"([{"name": "f"}, 1])"}) {
    EXPECT_EQ(ParseCalls(json, {"f"}), std::nullopt) << json;
  }
}

std::size_t Extent(std::string_view text) {
  JsonExtent extent;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (extent.Push(text[i]) != JsonExtent::State::kOpen) return i + 1;
  }
  return 0;
}

TEST(JsonExtent, EndsWithTheFirstBracketsMatch) {
  EXPECT_EQ(Extent("{} {}"), 2);
  EXPECT_EQ(Extent(R"([{"a": "]}\"]"}]x)"), 16);
  EXPECT_EQ(Extent("[[]"), 0);
  EXPECT_EQ(Extent(std::string(1000, '[')), 65);
}

}  // namespace
}  // namespace chasqui::worker
