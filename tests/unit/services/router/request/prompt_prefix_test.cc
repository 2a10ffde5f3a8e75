// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/prompt_prefix.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::router {
namespace {

using inference::v1::GenerateRequest;
using ::testing::IsEmpty;
using ::testing::SizeIs;

GenerateRequest Prompt(std::string text) {
  GenerateRequest request;
  request.set_prompt(std::move(text));
  return request;
}

void Say(inference::v1::Role role, const std::string& text, GenerateRequest& request) {
  auto& message = *request.mutable_chat()->add_messages();
  message.set_role(role);
  message.add_parts()->set_text(text);
}

std::size_t Common(const GenerateRequest& a, const GenerateRequest& b) {
  const auto of_a = PromptPrefix(a, 64);
  const auto of_b = PromptPrefix(b, 64);
  return static_cast<std::size_t>(std::ranges::mismatch(of_a, of_b).in1 - of_a.begin());
}

TEST(PromptPrefix, IsEmptyForLessThanABlock) {
  EXPECT_THAT(PromptPrefix(Prompt("hello"), 64), IsEmpty());
}

TEST(PromptPrefix, IsThatOfTheBeginning) {
  const std::string text(300, 'a');

  EXPECT_THAT(PromptPrefix(Prompt(text), 64), SizeIs(4));
  EXPECT_EQ(Common(Prompt(text), Prompt(text + " and more of it, and then more")), 4u);
}

TEST(PromptPrefix, DiffersFromTheFirstDifferenceOn) {
  std::string text(600, 'a');
  const GenerateRequest one = Prompt(text);
  text[150] = 'b';

  EXPECT_EQ(Common(one, Prompt(text)), 2u);
  EXPECT_THAT(PromptPrefix(one, 64), SizeIs(8));
}

TEST(PromptPrefix, IsBounded) {
  EXPECT_THAT(PromptPrefix(Prompt(std::string(4 << 20, 'a')), 16), SizeIs(36));
}

TEST(PromptPrefix, GoesOnInTheNextTurn) {
  GenerateRequest first;
  Say(inference::v1::ROLE_SYSTEM, std::string(200, 's'), first);
  Say(inference::v1::ROLE_USER, std::string(200, 'u'), first);
  GenerateRequest second = first;
  Say(inference::v1::ROLE_ASSISTANT, "an answer", second);
  Say(inference::v1::ROLE_USER, "a question", second);

  EXPECT_GE(PromptPrefix(first, 64).size(), 6u);
  EXPECT_EQ(Common(first, second), PromptPrefix(first, 64).size());
}

TEST(PromptPrefix, CountsEverythingTheModelReads) {
  GenerateRequest chat;
  Say(inference::v1::ROLE_USER, std::string(200, 'u'), chat);
  GenerateRequest role = chat;
  role.mutable_chat()->mutable_messages(0)->set_role(inference::v1::ROLE_SYSTEM);
  GenerateRequest tool = chat;
  tool.mutable_chat()->add_tools()->set_name("clock");
  GenerateRequest adapter = chat;
  adapter.add_lora_adapters()->set_name("poet");
  GenerateRequest scale = adapter;
  scale.mutable_lora_adapters(0)->set_scale(0.5);

  for (const GenerateRequest& other : {role, tool, adapter, scale}) {
    EXPECT_EQ(Common(chat, other), 0u);
  }
  EXPECT_EQ(Common(adapter, scale), 0u);
}

TEST(PromptPrefix, ReadsTokenIds) {
  GenerateRequest one;
  for (std::uint32_t i = 0; i < 100; ++i) one.mutable_tokens()->add_ids(i);
  GenerateRequest other = one;
  other.mutable_tokens()->set_ids(40, 7);

  EXPECT_THAT(PromptPrefix(one, 64), SizeIs(6));
  EXPECT_EQ(Common(one, other), 2u);
}

}  // namespace
}  // namespace chasqui::router
