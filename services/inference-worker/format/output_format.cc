// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/output_format.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/status.h"
#include "services/inference-worker/format/grammar_writer.h"
#include "services/inference-worker/format/json_schema.h"
#include "services/inference-worker/format/regex.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;

absl::StatusOr<std::string> RegexGbnf(const std::string& regex) {
  ABSL_ASSIGN_OR_RETURN(const Pattern pattern, ParseRegex(regex, RegexMatch::kWhole));
  GrammarWriter writer;
  ABSL_ASSIGN_OR_RETURN(const std::string root, writer.Write(pattern, Spelling::kPlain));
  return std::move(writer).Finish(root);
}

absl::StatusOr<std::string> ChoiceGbnf(const v1::ChoiceFormat& choice) {
  std::set<std::string> seen;
  std::vector<std::string> literals;
  for (const auto& text : choice.choices()) {
    if (text.contains('\0')) return absl::InvalidArgumentError("must not hold a zero character");
    if (seen.insert(text).second) literals.push_back(GbnfLiteral(text));
  }
  return absl::StrCat("root ::= ", absl::StrJoin(literals, " | "), "\n");
}

absl::StatusOr<std::string> Convert(const v1::OutputFormat& format) {
  switch (format.format_case()) {
    case v1::OutputFormat::kGrammar:
      return format.grammar();
    case v1::OutputFormat::kJsonSchema:
      return JsonSchemaToGbnf(format.json_schema());
    case v1::OutputFormat::kRegex:
      return RegexGbnf(format.regex());
    case v1::OutputFormat::kJsonObject:
      return format.json_object() ? JsonObjectGbnf() : std::string();
    case v1::OutputFormat::kChoice:
      return ChoiceGbnf(format.choice());
    case v1::OutputFormat::FORMAT_NOT_SET:
      break;
  }
  return std::string();
}

std::string_view FieldName(const v1::OutputFormat& format) {
  switch (format.format_case()) {
    case v1::OutputFormat::kRegex:
      return "output_format.regex";
    case v1::OutputFormat::kChoice:
      return "output_format.choice";
    default:
      return "output_format.json_schema";
  }
}

}  // namespace

absl::StatusOr<std::string> OutputGrammar(const v1::OutputFormat& format) {
  auto grammar = Convert(format);
  if (grammar.ok()) return grammar;
  return status::InvalidArgument(FieldName(format), grammar.status().message());
}

}  // namespace chasqui::worker
