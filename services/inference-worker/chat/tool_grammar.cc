// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/chat/tool_grammar.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/inference-worker/chat/chat_turns.h"
#include "services/inference-worker/format/exclusion.h"
#include "services/inference-worker/format/grammar_writer.h"
#include "services/inference-worker/format/json_schema.h"
#include "services/inference-worker/format/parse_json.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using Text = absl::StatusOr<std::string>;

// An object of arguments; without a schema there are none.
Text Arguments(const v1::Tool& tool, GrammarWriter& writer) {
  if (tool.parameters_json_schema().empty()) return GbnfLiteral("{}");
  ABSL_ASSIGN_OR_RETURN(Json schema, ParseJson(tool.parameters_json_schema()));
  static constexpr const char* kDecisive[] = {"type",  "$ref",  "anyOf", "oneOf",
                                              "allOf", "const", "enum"};
  const bool open =
      std::ranges::none_of(kDecisive, [&](const char* key) { return schema.contains(key); });
  if (open) schema["type"] = "object";
  const Json no_object = {{"type", {"array", "boolean", "null", "number", "string"}}};
  ABSL_ASSIGN_OR_RETURN(std::string arguments, WriteJsonSchema(schema, writer));
  if (!SchemaExclusion(schema).Excludes(schema, no_object))
    return absl::InvalidArgumentError("/: the schema of arguments must be one of objects only");
  return arguments;
}

// One call of any of the tools.
Text Call(const v1::ChatInput& chat, std::string_view arguments_key, GrammarWriter& writer) {
  const auto offered = OfferedTools(chat);
  std::vector<std::string> calls;
  for (int i = 0; i < chat.tools_size(); ++i) {
    const v1::Tool& tool = chat.tools(i);
    if (!std::ranges::contains(offered, &tool)) continue;
    const Text arguments = Arguments(tool, writer);
    if (!arguments.ok()) {
      return status::InvalidArgument(absl::StrCat("chat.tools[", i, "].parameters_json_schema"),
                                     arguments.status().message());
    }
    const std::string head =
        absl::StrCat(R"({"name": ")", tool.name(), R"(", ")", arguments_key, R"(": )");
    calls.push_back(absl::StrCat(GbnfLiteral(head), " ", *arguments, R"( "}")"));
  }
  ABSL_ASSIGN_OR_RETURN(std::string any, writer.AnyOf(calls));
  return writer.Rule(std::move(any));
}

// `call`, then more of them with `between` before each.
Text Calls(const std::string& call, std::string_view between, bool several, GrammarWriter& writer) {
  if (!several) return call;
  ABSL_ASSIGN_OR_RETURN(const std::string next,
                        writer.Rule(absl::StrCat(GbnfLiteral(between), " ", call)));
  ABSL_ASSIGN_OR_RETURN(const std::string more, writer.Repeat(next, 0, kMostRequiredCalls - 1));
  return absl::StrCat(call, " ", more);
}

Text Answer(const v1::ChatInput& chat, const ChatFormat& format, GrammarWriter& writer) {
  const bool several = chat.tool_choice().name().empty();
  const bool llama = format.tools == ToolFamily::kLlama3;
  ABSL_ASSIGN_OR_RETURN(const std::string call,
                        Call(chat, llama ? "parameters" : "arguments", writer));
  switch (format.tools) {
    case ToolFamily::kLlama3:
      return call;
    case ToolFamily::kHermes: {
      const std::string begin = GbnfLiteral(absl::StrCat(format.call_begin, "\n"));
      const std::string end = GbnfLiteral(absl::StrCat("\n", format.call_end));
      ABSL_ASSIGN_OR_RETURN(const std::string marked,
                            writer.Rule(absl::StrCat(begin, " ", call, " ", end)));
      return Calls(marked, "\n", several, writer);
    }
    case ToolFamily::kMistral: {
      ABSL_ASSIGN_OR_RETURN(const std::string list, Calls(call, ", ", several, writer));
      return absl::StrCat(GbnfLiteral(format.call_begin), R"( [ ]? "[" )", list, R"( "]")");
    }
    case ToolFamily::kGeneric: {
      if (!several) return call;
      ABSL_ASSIGN_OR_RETURN(const std::string list, Calls(call, ", ", several, writer));
      return writer.AnyOf({call, absl::StrCat(R"("[" )", list, R"( "]")")});
    }
  }
  return call;
}

}  // namespace

Text ToolCallGrammar(const v1::ChatInput& chat, const ChatFormat& format) {
  GrammarWriter writer;
  ABSL_ASSIGN_OR_RETURN(const std::string answer, Answer(chat, format, writer));
  return std::move(writer).Finish(answer);
}

}  // namespace chasqui::worker
