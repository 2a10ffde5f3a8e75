// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "common/inference/validate_parts.h"

namespace chasqui::inference {
namespace {

constexpr std::size_t kMaxTools = 128;
constexpr std::size_t kMaxName = 64;
// Whatever walks through the JSON later may do so by recursion.
constexpr int kMaxJsonDepth = 64;

bool IsToolName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && std::ranges::all_of(name, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
  });
}

void CheckChoice(const v1::ChatInput& chat, const std::string& path, Violations& v) {
  const auto& choice = chat.tool_choice();
  if (!v1::ToolChoice::Mode_IsValid(choice.mode())) {
    v.Add(path + ".mode", absl::StrCat("must be a value of ToolChoice.Mode, is ", choice.mode()));
  }
  if (choice.mode() == v1::ToolChoice::MODE_REQUIRED) {
    if (chat.tools().empty()) v.Add(path + ".mode", "MODE_REQUIRED needs at least one tool");
    if (chat.has_add_generation_prompt() && !chat.add_generation_prompt())
      v.Add(path + ".mode", "MODE_REQUIRED needs chat.add_generation_prompt");
  }
  if (choice.name().empty()) return;
  if (choice.mode() == v1::ToolChoice::MODE_NONE) {
    v.Add(path + ".name", "must be empty with MODE_NONE");
  } else if (std::ranges::none_of(chat.tools(), [&](const v1::Tool& tool) {
               return tool.name() == choice.name();
             })) {
    v.Add(path + ".name", "must be the name of one of the tools");
  }
}

}  // namespace

void CheckToolName(std::string_view name, const std::string& field, Violations& v) {
  if (!IsToolName(name))
    v.Add(field, absl::StrCat("must be 1 to ", kMaxName, " characters of [A-Za-z0-9_-]"));
}

void CheckJsonObject(std::string_view text, const std::string& field, Violations& v) {
  if (text.empty()) return;
  bool too_deep = false;
  const auto parsed = nlohmann::json::parse(
      text,
      [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
        too_deep = too_deep || depth > kMaxJsonDepth;
        return depth <= kMaxJsonDepth;
      },
      /*allow_exceptions=*/false);
  if (too_deep) {
    v.Add(field, absl::StrCat("must be nested at most ", kMaxJsonDepth, " levels deep"));
  } else if (!parsed.is_object()) {
    v.Add(field, "must be a JSON object");
  }
}

std::size_t CheckTools(const v1::ChatInput& chat, std::string_view path, Violations& v) {
  const auto tools = absl::StrCat(path, ".tools");
  v.AtMost(tools, chat.tools_size(), kMaxTools, "tools");
  std::set<std::string_view> names;
  std::size_t bytes = 0;
  for (int i = 0; i < chat.tools_size(); ++i) {
    const auto& tool = chat.tools(i);
    const auto field = absl::StrCat(tools, "[", i, "]");
    CheckToolName(tool.name(), field + ".name", v);
    if (!names.insert(tool.name()).second) v.Add(field + ".name", "is there twice");
    CheckJsonObject(tool.parameters_json_schema(), field + ".parameters_json_schema", v);
    bytes += tool.description().size() + tool.parameters_json_schema().size();
  }
  CheckChoice(chat, absl::StrCat(path, ".tool_choice"), v);
  return bytes;
}

}  // namespace chasqui::inference
