// SPDX-License-Identifier: Apache-2.0
#include "common/config/variable_name.h"

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/config/field.h"

namespace chasqui::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// A configuration is not nested deeper; a message that holds itself ends here.
constexpr int kMostDepth = 8;

// Calls visit(variable, path) for every field below `type`.
template <typename Visit>
void ForEachField(const Descriptor& type, const std::string& variable, const std::string& path,
                  int depth, const Visit& visit) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string name = absl::StrCat(variable, absl::AsciiStrToUpper(field.name()));
    const std::string field_path = absl::StrCat(path, field.name());
    visit(name, field_path);
    if (depth < kMostDepth && !field.is_repeated() && !IsScalar(field)) {
      ForEachField(*field.message_type(), name + "_", field_path + ".", depth + 1, visit);
    }
  }
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::vector<std::string> PathsOfVariable(std::string_view name, const Descriptor& type) {
  std::vector<std::string> paths;
  ForEachField(type, "", "", 0, [&](const std::string& variable, const std::string& path) {
    if (variable == name) paths.push_back(path);
  });
  return paths;
}

std::vector<std::string> VariableNames(const Descriptor& type) {
  std::vector<std::string> names;
  ForEachField(type, "", "", 0,
               [&](const std::string& variable, const std::string&) { names.push_back(variable); });
  return names;
}

bool IsServiceLink(std::string_view name, std::string_view value) {
  if (name.ends_with("_SERVICE_HOST") || absl::StrContains(name, "_SERVICE_PORT")) return true;
  if (name.ends_with("_PORT") && absl::StrContains(value, "://")) return true;
  const std::vector<std::string_view> words = absl::StrSplit(name, '_');
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    if (words[i] == "PORT" && IsNumber(words[i + 1]) &&
        (words[i + 2] == "TCP" || words[i + 2] == "UDP" || words[i + 2] == "SCTP")) {
      return true;
    }
  }
  return false;
}

}  // namespace chasqui::config
