// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/schema_keywords.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace chasqui::worker {
namespace {

using Names = std::set<std::string_view>;

// Keywords that say nothing about what is valid.
const Names& Annotations() {
  static const Names& names =
      *new const Names{"$anchor",     "$comment",   "$defs",           "$id",
                       "$schema",     "default",    "contentEncoding", "contentMediaType",
                       "definitions", "deprecated", "description",     "discriminator",
                       "example",     "examples",   "readOnly",        "title",
                       "writeOnly"};
  return names;
}

struct Keyword {
  std::string_view name;
  std::string_view type;  // of the values it speaks of; "": any
};

constexpr std::array kKeywords = {
    Keyword{"$ref", ""},
    Keyword{"additionalProperties", "object"},
    Keyword{"allOf", ""},
    Keyword{"anyOf", ""},
    Keyword{"const", ""},
    Keyword{"enum", ""},
    Keyword{"exclusiveMaximum", "number"},
    Keyword{"exclusiveMinimum", "number"},
    Keyword{"format", "string"},
    Keyword{"items", "array"},
    Keyword{"maxItems", "array"},
    Keyword{"maxLength", "string"},
    Keyword{"maxProperties", "object"},
    Keyword{"maximum", "number"},
    Keyword{"minItems", "array"},
    Keyword{"minLength", "string"},
    Keyword{"minProperties", "object"},
    Keyword{"minimum", "number"},
    Keyword{"multipleOf", "number"},
    Keyword{"nullable", ""},
    Keyword{"oneOf", ""},
    Keyword{"pattern", "string"},
    Keyword{"prefixItems", "array"},
    Keyword{"properties", "object"},
    Keyword{"required", "object"},
    Keyword{"type", ""},
    Keyword{"uniqueItems", "array"},
};

constexpr std::array<std::string_view, 7> kTypes = {"object", "array",   "string", "integer",
                                                    "number", "boolean", "null"};

}  // namespace

bool IsAnnotation(std::string_view keyword) { return Annotations().contains(keyword); }

absl::Status CheckKeywords(const Json& schema) {
  if (!schema.is_object())
    return absl::InvalidArgumentError("a schema must be an object, true or false");
  for (const auto& [key, value] : schema.items()) {
    if (IsAnnotation(key)) continue;
    if (std::ranges::find(kKeywords, std::string_view(key), &Keyword::name) == kKeywords.end())
      return absl::InvalidArgumentError(
          absl::StrCat("the keyword ", Json(key).dump(), " is not supported"));
  }
  return absl::OkStatus();
}

absl::Status CheckAlone(const Json& schema, std::string_view keyword) {
  const bool values = keyword == "const" || keyword == "enum";
  const bool is_union = keyword == "anyOf" || keyword == "oneOf";
  for (const auto& [key, value] : schema.items()) {
    if (key == keyword || IsAnnotation(key)) continue;
    if (values && key == "type") continue;
    if (is_union && key == "nullable") continue;
    return absl::InvalidArgumentError(absl::StrCat("the keyword ", Json(key).dump(), " beside \"",
                                                   keyword, "\" is not supported"));
  }
  return absl::OkStatus();
}

bool IsNullable(const Json& schema) {
  const auto nullable = schema.find("nullable");
  return nullable != schema.end() && *nullable == Json(true);
}

absl::StatusOr<std::vector<std::string>> SchemaTypes(const Json& schema) {
  std::vector<std::string> types;
  const auto type = schema.find("type");
  if (type == schema.end()) return types;
  const Json list = type->is_array() ? *type : Json::array({*type});
  if (list.empty()) return absl::InvalidArgumentError("\"type\" must not be empty");
  for (const Json& name : list) {
    if (!name.is_string() ||
        std::ranges::find(kTypes, name.get_ref<const std::string&>()) == kTypes.end())
      return absl::InvalidArgumentError(
          absl::StrCat("\"type\" must be the name of a type, is ", name.dump()));
    types.push_back(name.get<std::string>());
  }
  if (IsNullable(schema) && std::ranges::find(types, "null") == types.end())
    types.emplace_back("null");
  return types;
}

std::vector<std::string> ImpliedTypes(const Json& schema) {
  std::vector<std::string> types;
  for (const auto& [name, type] : kKeywords) {
    if (!type.empty() && schema.contains(std::string(name)) &&
        std::ranges::find(types, type) == types.end())
      types.emplace_back(type);
  }
  return types;
}

bool HasType(const Json& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  return value.is_number_integer() ||
         (value.is_number() && value.get<double>() == std::floor(value.get<double>()));
}

const Json* ResolveRef(const Json& root, std::string_view ref) {
  if (ref == "#") return &root;
  if (!absl::StartsWith(ref, "#/") || absl::StrContains(ref, '%')) return nullptr;
  const Json* at = &root;
  for (const std::string_view part : absl::StrSplit(ref.substr(2), '/')) {
    const std::string key = absl::StrReplaceAll(part, {{"~1", "/"}, {"~0", "~"}});
    if (at->is_object()) {
      const auto found = at->find(key);
      if (found == at->end()) return nullptr;
      at = &*found;
    } else {
      // The same number is spelt in one way only.
      std::size_t i = 0;
      if (!at->is_array()) return nullptr;
      while (i < at->size() && absl::StrCat(i) != key) ++i;
      if (i == at->size()) return nullptr;
      at = &(*at)[i];
    }
  }
  return at;
}

}  // namespace chasqui::worker
