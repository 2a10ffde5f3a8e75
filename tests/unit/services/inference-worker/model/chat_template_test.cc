// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/chat_template.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <llama.h>

#include "absl/strings/ascii.h"
#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

using testing::HasSubstr;

// Every family that libllama renders.
std::vector<std::string> Families() {
  std::vector<const char*> names(
      static_cast<std::size_t>(llama_chat_builtin_templates(nullptr, 0)));
  llama_chat_builtin_templates(names.data(), names.size());
  return {names.begin(), names.end()};
}

class EveryFamily : public testing::TestWithParam<std::string> {
 protected:
  // Where libllama leaves system messages out, which is refused rather than done, there is none.
  static std::vector<ChatTurn> Conversation() {
    std::vector<ChatTurn> turns = {{"user", "Hello"}, {"assistant", "Hi!"}, {"user", "Bye"}};
    if (GetParam() != "yandex") turns.insert(turns.begin(), {"system", "Be kind."});
    return turns;
  }
};

TEST_P(EveryFamily, RendersAConversationInOrder) {
  const ChatTemplate family(GetParam());
  ASSERT_TRUE(family.usable());

  const auto pieces = family.Render(Conversation(), true);

  ASSERT_TRUE(pieces.ok()) << pieces.status();
  std::vector<std::string> said;
  for (const PromptPiece& piece : *pieces) {
    if (piece.from_message) said.push_back(piece.text);
  }
  std::vector<std::string> expected;
  for (const ChatTurn& turn : Conversation()) expected.push_back(JoinPieces(turn.content));
  EXPECT_EQ(said, expected);
}

// What libllama makes of the texts themselves: the marks that keep them apart leave no trace.
TEST_P(EveryFamily, RendersAsLibllamaDoes) {
  const ChatTemplate family(GetParam());
  std::vector<llama_chat_message> messages = {
      {"system", "Be kind."}, {"user", "Hello"}, {"assistant", "Hi!"}, {"user", "Bye"}};
  std::array<char, 4096> text;
  const auto size = llama_chat_apply_template(GetParam().c_str(), messages.data(), messages.size(),
                                              true, text.data(), text.size());
  ASSERT_GT(size, 0);

  const auto pieces = family.Render(Conversation(), true);

  ASSERT_TRUE(pieces.ok()) << pieces.status();
  EXPECT_EQ(JoinPieces(*pieces), std::string(text.data(), static_cast<std::size_t>(size)));
}

INSTANTIATE_TEST_SUITE_P(ChatTemplate, EveryFamily, testing::ValuesIn(Families()),
                         [](const auto& family) {
                           std::string name = family.param;
                           for (char& c : name) {
                             if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
                           }
                           return name;
                         });

TEST(ChatTemplate, RefusesEveryTemplateOfNoKnownFamily) {
  for (const char* source : {"{{ messages | tojson }}",
                             "{% for m in messages %}{{ m.content }}"
                             "{% endfor %}",
                             "chat", "Question: {{ messages[0].content }} Answer:"}) {
    const ChatTemplate unknown(source);

    EXPECT_FALSE(unknown.usable()) << source;
    const auto status = unknown.Render({{"user", "Hi"}}, true).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << source;
    EXPECT_THAT(std::string(status.message()), HasSubstr("of no family that libllama knows"));
  }
}

TEST(ChatTemplate, TrimsTheEndsOfATurnOfSeveralPieces) {
  ChatTurn turn;
  turn.role = "user";
  turn.content = {{" \n", true}, {" <a>", false}, {" b ", true}, {"\n", false}};

  const auto pieces = ChatTemplate("gemma").Render({turn}, false);

  ASSERT_TRUE(pieces.ok()) << pieces.status();
  EXPECT_THAT(JoinPieces(*pieces), HasSubstr("user\n<a> b<end_of_turn>"));
}

}  // namespace
}  // namespace chasqui::worker
