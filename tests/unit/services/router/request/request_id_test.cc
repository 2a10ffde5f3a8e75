// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/request_id.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

using ::testing::MatchesRegex;

TEST(RequestId, IsTheMessagesOwn) { EXPECT_EQ(ChooseRequestId("a", "b"), "a"); }

TEST(RequestId, IsElseTheMetadatas) { EXPECT_EQ(ChooseRequestId("", "b"), "b"); }

TEST(RequestId, IsNewWhenThereIsNoneThatCanBeOne) {
  for (const auto& metadata :
       {std::optional<std::string_view>(), std::optional<std::string_view>("a b\n"),
        std::optional<std::string_view>("")}) {
    EXPECT_THAT(ChooseRequestId("", metadata), MatchesRegex("[0-9a-f]{32}"));
  }
  EXPECT_NE(ChooseRequestId("", std::nullopt), ChooseRequestId("", std::nullopt));
}

}  // namespace
}  // namespace chasqui::router
