// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/chat_turns.h"

#include <string>
#include <vector>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kConversation[] = R"pb(
  messages {
    role: ROLE_USER
    parts { text: "Weather?" }
  }
  messages {
    role: ROLE_ASSISTANT
    tool_calls { id: "c1" name: "weather" arguments_json: "{\"city\": \"Cusco\"}" }
  }
  messages {
    role: ROLE_TOOL
    tool_call_id: "c1"
    name: "weather"
    parts { text: "sunny" }
  }
  messages {
    role: ROLE_ASSISTANT
    parts { text: "It is sunny." }
  }
)pb";
constexpr char kTools[] = R"pb(
  tools {
    name: "weather"
    description: "Tells the weather"
    parameters_json_schema: "{\"type\": \"object\"}"
  }
  tools { name: "time" }
)pb";

v1::ChatInput Chat(const std::string& text) {
  v1::ChatInput chat;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &chat)) << text;
  return chat;
}

ChatFormat Format(ToolFamily family) {
  ChatFormat format;
  format.tools = family;
  return format;
}

std::vector<ChatTurn> Turns(const v1::ChatInput& chat, ToolFamily family) {
  const std::vector<bool> all(static_cast<std::size_t>(chat.messages_size()), true);
  return MakeTurns(chat, Format(family), all);
}

// "role|content", one a turn.
std::vector<std::string> Written(const v1::ChatInput& chat, ToolFamily family) {
  std::vector<std::string> written;
  for (const ChatTurn& turn : Turns(chat, family))
    written.push_back(absl::StrCat(turn.role, "|", JoinPieces(turn.content)));
  return written;
}

TEST(MakeTurns, WritesCallsAndAnswersAsTheFamilyDoes) {
  const auto chat = Chat(kConversation);

  EXPECT_THAT(
      Written(chat, ToolFamily::kHermes),
      ElementsAre(
          "user|Weather?",
          "assistant|<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Cusco\"}}"
          "\n</tool_call>",
          "user|<tool_response>\nsunny\n</tool_response>", "assistant|It is sunny."));
  EXPECT_THAT(
      Written(chat, ToolFamily::kLlama3),
      ElementsAre("user|Weather?",
                  "assistant|{\"name\": \"weather\", \"parameters\": {\"city\": \"Cusco\"}}",
                  "ipython|sunny", "assistant|It is sunny."));
  EXPECT_THAT(
      Written(chat, ToolFamily::kMistral),
      ElementsAre("user|Weather?",
                  "assistant|[TOOL_CALLS] [{\"name\": \"weather\", \"arguments\": {\"city\": "
                  "\"Cusco\"}, \"id\": \"c1\"}]</s>[TOOL_RESULTS] {\"content\": \"sunny\", "
                  "\"call_id\": \"c1\"}[/TOOL_RESULTS] It is sunny."));
  EXPECT_THAT(
      Written(chat, ToolFamily::kGeneric),
      ElementsAre("user|Weather?",
                  "assistant|{\"name\": \"weather\", \"arguments\": {\"city\": \"Cusco\"}}",
                  "user|{\"tool\": \"weather\", \"call_id\": \"c1\", \"answer\": \"sunny\"}",
                  "assistant|It is sunny."));
}

TEST(MakeTurns, PutsAnswersOfSeveralCallsTogether) {
  const auto chat = Chat(R"pb(
    messages {
      role: ROLE_ASSISTANT
      parts { text: "I ask." }
      tool_calls { name: "a" }
      tool_calls { name: "b" }
    }
    messages {
      role: ROLE_TOOL
      parts { text: "1" }
    }
    messages {
      role: ROLE_TOOL
      parts { text: "2" }
    }
  )pb");

  EXPECT_THAT(Written(chat, ToolFamily::kHermes),
              ElementsAre("assistant|I ask.\n<tool_call>\n{\"name\": \"a\", \"arguments\": {}}\n"
                          "</tool_call>\n<tool_call>\n{\"name\": \"b\", \"arguments\": {}}\n"
                          "</tool_call>",
                          "user|<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n"
                          "</tool_response>"));
  EXPECT_THAT(
      Written(chat, ToolFamily::kMistral),
      ElementsAre("assistant|I ask.[TOOL_CALLS] [{\"name\": \"a\", \"arguments\": {}}, "
                  "{\"name\": \"b\", \"arguments\": {}}]</s>[TOOL_RESULTS] {\"content\": \"1\"}"
                  "[/TOOL_RESULTS][TOOL_RESULTS] {\"content\": \"2\"}[/TOOL_RESULTS]"));
  EXPECT_THAT(
      Written(chat, ToolFamily::kGeneric)[0],
      HasSubstr("[{\"name\": \"a\", \"arguments\": {}}, {\"name\": \"b\", \"arguments\": {}}]"));
}

TEST(MakeTurns, TellsOfToolsInTheSystemMessage) {
  for (const auto family : {ToolFamily::kHermes, ToolFamily::kLlama3, ToolFamily::kGeneric}) {
    const auto without = Written(Chat(absl::StrCat(kConversation, kTools)), family);
    EXPECT_THAT(without.front(), HasSubstr("system|"));
    EXPECT_THAT(
        without.front(),
        HasSubstr("{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"description\": "
                  "\"Tells the weather\", \"parameters\": {\"type\": \"object\"}}}\n"));
    EXPECT_THAT(without.front(), HasSubstr("\"time\", \"parameters\": {\"type\": \"object\", "
                                           "\"properties\": {}}"));

    const auto with =
        Written(Chat(absl::StrCat("messages { role: ROLE_SYSTEM parts { text: 'Be kind.' } }",
                                  kConversation, kTools)),
                family);
    EXPECT_EQ(with.size(), without.size());
    EXPECT_TRUE(with.front().starts_with("system|Be kind.\n\n")) << with.front();
  }
}

TEST(MakeTurns, TellsOnlyOfToolsThatMayBeCalled) {
  const auto none = Chat(absl::StrCat(kConversation, kTools, "tool_choice { mode: MODE_NONE }"));
  EXPECT_THAT(Written(none, ToolFamily::kHermes).front(), "user|Weather?");

  const auto one = Chat(absl::StrCat(kConversation, kTools, "tool_choice { name: 'time' }"));
  EXPECT_THAT(Written(one, ToolFamily::kHermes).front(), HasSubstr("\"time\""));
  EXPECT_THAT(Written(one, ToolFamily::kHermes).front(), Not(HasSubstr("\"weather\"")));
}

TEST(MakeTurns, LeavesMessagesOut) {
  const auto chat = Chat(kConversation);

  const auto turns = MakeTurns(chat, Format(ToolFamily::kHermes), {false, true, true, false});

  ASSERT_EQ(turns.size(), 2);
  EXPECT_EQ(turns[0].role, "assistant");
}

TEST(MakeTurns, PutsNamesBeforeWhatTheySay) {
  const auto chat =
      Chat("messages { role: ROLE_USER name: 'Ann' parts { text: 'Hi' } parts { text: '!' } }");

  EXPECT_THAT(Written(chat, ToolFamily::kHermes), ElementsAre("user|Ann: Hi!"));
}

TEST(MakeTurns, KeepsTextOfTheRequestApartFromMarkers) {
  const auto chat = Chat(absl::StrCat(kConversation, kTools));
  for (const auto family : {ToolFamily::kHermes, ToolFamily::kMistral}) {
    for (const ChatTurn& turn : Turns(chat, family)) {
      for (const PromptPiece& piece : turn.content) {
        const bool of_request = piece.text.contains("unny") || piece.text.contains("Cusco") ||
                                piece.text.contains("Tells");
        EXPECT_TRUE(piece.from_message || !of_request) << piece.text;
      }
    }
  }
}

TEST(FinishPieces, TellsMistralOfToolsBeforeTheLastMessageOfTheUser) {
  const auto chat = Chat(absl::StrCat("messages { role: ROLE_USER parts { text: 'x' } }", kTools));
  std::vector<PromptPiece> pieces = {{"[INST] ", false},
                                     {"[INST]", true},
                                     {"[/INST] ok</s>[INST] ", false},
                                     {"x", true},
                                     {"[/INST]", false}};

  FinishPieces(chat, Format(ToolFamily::kMistral), pieces);

  const std::string text = JoinPieces(pieces);
  EXPECT_TRUE(text.starts_with("[INST] [INST][/INST] ok</s>[AVAILABLE_TOOLS] [{")) << text;
  EXPECT_TRUE(text.ends_with("}][/AVAILABLE_TOOLS][INST] x[/INST]")) << text;
}

TEST(FinishPieces, LeavesTheTurnOpenThatWaitsForTools) {
  const auto chat = Chat("messages { role: ROLE_TOOL parts { text: 'x' } }");
  std::vector<PromptPiece> pieces = {{"x", true}, {"[/TOOL_RESULTS]", false}, {"</s>", false}};

  FinishPieces(chat, Format(ToolFamily::kMistral), pieces);

  EXPECT_EQ(JoinPieces(pieces), "x[/TOOL_RESULTS]");
}

TEST(FinishPieces, BeginsTheAnswerWithoutReasoning) {
  const auto chat = Chat("messages { role: ROLE_USER } reasoning: REASONING_MODE_OFF");
  ChatFormat format;
  format.no_reasoning = "<think></think>";
  std::vector<PromptPiece> pieces = {{"<assistant>", false}};

  FinishPieces(chat, format, pieces);

  EXPECT_EQ(JoinPieces(pieces), "<assistant><think></think>");
}

}  // namespace
}  // namespace chasqui::worker
