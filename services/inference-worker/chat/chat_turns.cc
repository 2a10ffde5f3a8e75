// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/chat_turns.h"

#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using Json = nlohmann::ordered_json;
using Pieces = std::vector<PromptPiece>;

// With a blank after each colon and comma, as the templates' own filter writes JSON.
std::string Dump(const Json& json) {
  const std::string dense = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string text;
  text.reserve(dense.size() + dense.size() / 8);
  bool in_string = false;
  for (std::size_t i = 0; i < dense.size(); ++i) {
    text += dense[i];
    if (in_string && dense[i] == '\\') {
      text += dense[++i];  // what is escaped
    } else if (dense[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && (dense[i] == ':' || dense[i] == ',')) {
      text += ' ';
    }
  }
  return text;
}

Json ParseOr(std::string_view text, Json otherwise) {
  Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return parsed.is_discarded() ? std::move(otherwise) : parsed;
}

Json FunctionOf(const v1::Tool& tool) {
  Json function = {{"name", tool.name()}};
  if (!tool.description().empty()) function["description"] = tool.description();
  function["parameters"] =
      ParseOr(tool.parameters_json_schema(), {{"type", "object"}, {"properties", Json::object()}});
  return {{"type", "function"}, {"function", std::move(function)}};
}

void AddMarker(std::string text, Pieces& to) { to.push_back({std::move(text), false}); }
void AddText(std::string text, Pieces& to) { to.push_back({std::move(text), true}); }

// The tools, one a line.
void AddToolLines(const std::vector<const v1::Tool*>& tools, Pieces& to) {
  for (const v1::Tool* tool : tools) AddText(absl::StrCat(Dump(FunctionOf(*tool)), "\n"), to);
}

// What the system message says of the tools.
Pieces Instructions(const std::vector<const v1::Tool*>& tools, ToolFamily family) {
  Pieces pieces;
  switch (family) {
    case ToolFamily::kHermes:
      AddMarker(
          "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
          "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n",
          pieces);
      AddToolLines(tools, pieces);
      AddMarker(
          "</tools>\n\nFor each function call, return a json object with function name and "
          "arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n"
          "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>",
          pieces);
      break;
    case ToolFamily::kLlama3:
      AddMarker(
          "You have access to the following functions. To call a function, respond with JSON in "
          "the format {\"name\": function name, \"parameters\": dictionary of argument name and "
          "its value}, and with nothing else. Do not use variables.\n\n",
          pieces);
      AddToolLines(tools, pieces);
      break;
    case ToolFamily::kGeneric:
      AddMarker(
          "These functions can be called. To call one, answer with a JSON object {\"name\": "
          "function name, \"arguments\": object of the arguments} and nothing else; to call "
          "several, with an array of such objects. Otherwise answer in words.\n\n",
          pieces);
      AddToolLines(tools, pieces);
      break;
    case ToolFamily::kMistral:  // FinishPieces puts them before the last message of the user
      break;
  }
  return pieces;
}

std::string TextOf(const v1::ChatMessage& message) {
  std::string text;
  for (const auto& part : message.parts()) text += part.text();
  return text;
}

std::string CallJson(const v1::ToolCall& call, std::string_view arguments_key, bool with_id) {
  Json json = {{"name", call.name()}};
  json[std::string(arguments_key)] = ParseOr(call.arguments_json(), Json::object());
  if (with_id && !call.id().empty()) json["id"] = call.id();
  return Dump(json);
}

// The calls as one JSON text: an array, or the object alone where there may be one.
std::string CallsJson(const v1::ChatMessage& message, std::string_view key, bool with_id,
                      bool one_alone) {
  if (one_alone && message.tool_calls_size() == 1)
    return CallJson(message.tool_calls(0), key, with_id);
  std::string json = "[";
  for (const auto& call : message.tool_calls())
    absl::StrAppend(&json, json.size() > 1 ? ", " : "", CallJson(call, key, with_id));
  return absl::StrCat(json, "]");
}

void AddCalls(const v1::ChatMessage& message, ToolFamily family, Pieces& to) {
  if (message.tool_calls_size() == 0) return;
  switch (family) {
    case ToolFamily::kHermes:
      for (const auto& call : message.tool_calls()) {
        AddMarker(to.empty() ? "<tool_call>\n" : "\n<tool_call>\n", to);
        AddText(CallJson(call, "arguments", false), to);
        AddMarker("\n</tool_call>", to);
      }
      break;
    case ToolFamily::kMistral:
      AddMarker("[TOOL_CALLS] ", to);
      AddText(CallsJson(message, "arguments", true, false), to);
      break;
    case ToolFamily::kLlama3:
      AddText(CallsJson(message, "parameters", false, true), to);
      break;
    case ToolFamily::kGeneric:
      AddText(CallsJson(message, "arguments", false, true), to);
      break;
  }
}

// Writes the turns one after the other; consecutive messages may be one turn.
class TurnWriter {
 public:
  explicit TurnWriter(ToolFamily family) : family_(family) {}

  void Add(const v1::ChatMessage& message) {
    if (message.role() == v1::ROLE_TOOL) {
      AddToolAnswer(message);
    } else {
      AddSpeech(message);
    }
    last_role_ = message.role();
  }

  // Says of the tools what the family's system message does.
  void AddInstructions(Pieces pieces) {
    if (pieces.empty()) return;
    if (turns_.empty() || turns_.front().role != "system") {
      turns_.insert(turns_.begin(), ChatTurn());
      turns_.front().role = "system";
    } else {
      AddMarker("\n\n", turns_.front().content);
    }
    auto& content = turns_.front().content;
    content.insert(content.end(), std::make_move_iterator(pieces.begin()),
                   std::make_move_iterator(pieces.end()));
  }

  std::vector<ChatTurn> Take() { return std::move(turns_); }

 private:
  Pieces& NewTurn(std::string role) {
    turns_.emplace_back().role = std::move(role);
    return turns_.back().content;
  }

  void AddSpeech(const v1::ChatMessage& message) {
    std::string text = TextOf(message);
    if (!message.name().empty()) text = absl::StrCat(message.name(), ": ", text);
    if (message.role() == v1::ROLE_ASSISTANT) return AddAssistant(std::move(text), message);
    AddText(std::move(text), NewTurn(message.role() == v1::ROLE_SYSTEM ? "system" : "user"));
  }

  void AddAssistant(std::string text, const v1::ChatMessage& message) {
    // Mistral's templates end every turn of the model; its calls, their answers and what it says
    // then are one.
    const bool goes_on = family_ == ToolFamily::kMistral && last_role_ == v1::ROLE_TOOL;
    Pieces& content = goes_on ? turns_.back().content : NewTurn("assistant");
    if (goes_on) text.insert(0, " ");
    if (!text.empty() || message.tool_calls_size() == 0) AddText(std::move(text), content);
    AddCalls(message, family_, content);
  }

  void AddToolAnswer(const v1::ChatMessage& message) {
    const bool again = last_role_ == v1::ROLE_TOOL;
    switch (family_) {
      case ToolFamily::kHermes: {
        Pieces& content = again ? turns_.back().content : NewTurn("user");
        AddMarker(again ? "\n<tool_response>\n" : "<tool_response>\n", content);
        AddText(TextOf(message), content);
        AddMarker("\n</tool_response>", content);
        break;
      }
      case ToolFamily::kLlama3:
        AddText(TextOf(message), NewTurn("ipython"));
        break;
      case ToolFamily::kMistral: {
        const bool joins = again || last_role_ == v1::ROLE_ASSISTANT;
        Pieces& content = joins ? turns_.back().content : NewTurn("assistant");
        AddMarker(joins && !again ? "</s>[TOOL_RESULTS] " : "[TOOL_RESULTS] ", content);
        Json json = {{"content", TextOf(message)}};
        if (!message.tool_call_id().empty()) json["call_id"] = message.tool_call_id();
        AddText(Dump(json), content);
        AddMarker("[/TOOL_RESULTS]", content);
        break;
      }
      case ToolFamily::kGeneric: {
        Json json = Json::object();
        if (!message.name().empty()) json["tool"] = message.name();
        if (!message.tool_call_id().empty()) json["call_id"] = message.tool_call_id();
        json["answer"] = TextOf(message);
        AddText(Dump(json), NewTurn("user"));
        break;
      }
    }
  }

  const ToolFamily family_;
  v1::Role last_role_ = v1::ROLE_UNSPECIFIED;
  std::vector<ChatTurn> turns_;
};

constexpr std::string_view kUserBegin = "[INST]";
constexpr std::string_view kTurnEnd = "</s>";

// Before the last message of the user.
void InsertMistralTools(const std::vector<const v1::Tool*>& tools, Pieces& pieces) {
  std::size_t at = pieces.size();
  std::size_t offset = std::string::npos;
  while (at > 0 && offset == std::string::npos) {
    --at;
    if (!pieces[at].from_message) offset = pieces[at].text.rfind(kUserBegin);
  }
  if (offset == std::string::npos) return;
  Json list = Json::array();
  for (const v1::Tool* tool : tools) list.push_back(FunctionOf(*tool));
  const std::string after = pieces[at].text.substr(offset);
  pieces[at].text.resize(offset);
  pieces[at].text += "[AVAILABLE_TOOLS] ";
  const Pieces inserted = {{Dump(list), true}, {absl::StrCat("[/AVAILABLE_TOOLS]", after), false}};
  pieces.insert(pieces.begin() + static_cast<std::ptrdiff_t>(at) + 1, inserted.begin(),
                inserted.end());
}

}  // namespace

std::vector<const v1::Tool*> OfferedTools(const v1::ChatInput& chat) {
  std::vector<const v1::Tool*> tools;
  if (chat.tool_choice().mode() == v1::ToolChoice::MODE_NONE) return tools;
  for (const auto& tool : chat.tools()) {
    const auto& only = chat.tool_choice().name();
    if (only.empty() || only == tool.name()) tools.push_back(&tool);
  }
  return tools;
}

std::vector<ChatTurn> MakeTurns(const v1::ChatInput& chat, const ChatFormat& format,
                                const std::vector<bool>& keep) {
  TurnWriter writer(format.tools);
  for (int i = 0; i < chat.messages_size(); ++i) {
    if (keep[static_cast<std::size_t>(i)]) writer.Add(chat.messages(i));
  }
  const auto tools = OfferedTools(chat);
  if (!tools.empty()) writer.AddInstructions(Instructions(tools, format.tools));
  return writer.Take();
}

void FinishPieces(const v1::ChatInput& chat, const ChatFormat& format, Pieces& pieces) {
  if (format.tools == ToolFamily::kMistral) {
    const auto tools = OfferedTools(chat);
    if (!tools.empty()) InsertMistralTools(tools, pieces);
    // The model's turn is not over while it waits for answers of tools.
    const bool waits = chat.messages(chat.messages_size() - 1).role() == v1::ROLE_TOOL;
    if (waits && !pieces.empty() && !pieces.back().from_message &&
        pieces.back().text.ends_with(kTurnEnd)) {
      pieces.back().text.resize(pieces.back().text.size() - kTurnEnd.size());
    }
  }
  if (chat.reasoning() == v1::REASONING_MODE_OFF)
    pieces.push_back({std::string(format.no_reasoning), false});
  std::erase_if(pieces, [](const PromptPiece& piece) { return piece.text.empty(); });
}

}  // namespace chasqui::worker
