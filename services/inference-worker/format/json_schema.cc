// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/json_schema.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/inference-worker/format/exclusion.h"
#include "services/inference-worker/format/json_grammar.h"
#include "services/inference-worker/format/merge_schemas.h"
#include "services/inference-worker/format/number_regex.h"
#include "services/inference-worker/format/regex.h"
#include "services/inference-worker/format/schema_keywords.h"
#include "services/inference-worker/format/string_formats.h"

namespace chasqui::worker {
namespace {

constexpr std::size_t kMostProperties = 256;
constexpr std::size_t kMostSchemas = 10'000;  // converted, over all
constexpr int kDeepestSchemas = 256;          // one within another, through "$ref", too

using Text = absl::StatusOr<std::string>;

class Converter {
 public:
  Converter(const Json& root, GrammarWriter& writer) : root_(root), writer_(writer) {}

  Text Convert() {
    ABSL_ASSIGN_OR_RETURN(std::string value, Ref("#", ""));
    ABSL_RETURN_IF_ERROR(CheckProgress());
    return value;
  }

 private:
  static absl::Status Wrong(std::string_view at, std::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(at.empty() ? "/" : at, ": ", why));
  }
  static absl::Status At(std::string_view at, const absl::Status& status) {
    return status.ok() ? status : Wrong(at, status.message());
  }
  static Text At(std::string_view at, Text text) {
    return text.ok() ? std::move(text) : Text(Wrong(at, text.status().message()));
  }
  static std::string Below(std::string_view at, std::string_view key) {
    return absl::StrCat(at, "/", absl::StrReplaceAll(key, {{"~", "~0"}, {"/", "~1"}}));
  }

  // The value of a schema; `at` is its JSON pointer.
  Text Schema(const Json& schema, const std::string& at) {
    if (++schemas_ > kMostSchemas)
      return Wrong(at, absl::StrCat("more than ", kMostSchemas, " schemas in all"));
    if (depth_ == kDeepestSchemas)
      return Wrong(at, absl::StrCat("more than ", kDeepestSchemas, " schemas within one another"));
    ++depth_;
    const absl::Cleanup restore = [this] { --depth_; };
    if (schema.is_boolean()) {
      return schema.get<bool>() ? json_.Any() : Wrong(at, "nothing is valid against \"false\"");
    }
    ABSL_RETURN_IF_ERROR(At(at, CheckKeywords(schema)));
    if (schema.contains("$ref")) return Reference(schema, at);
    for (const char* keyword : {"anyOf", "oneOf"}) {
      if (schema.contains(keyword)) return Union(schema, keyword, at);
    }
    if (schema.contains("allOf")) {
      const auto merged = MergeAllOf(schema, root_);
      if (!merged.ok()) return Wrong(at, merged.status().message());
      return Schema(*merged, at);
    }
    if (schema.contains("const") || schema.contains("enum")) return Values(schema, at);
    return Types(schema, at);
  }

  Text Reference(const Json& schema, const std::string& at) {
    ABSL_RETURN_IF_ERROR(At(at, CheckAlone(schema, "$ref")));
    if (!schema["$ref"].is_string()) return Wrong(at, "\"$ref\" must be a string");
    return Ref(schema["$ref"].get<std::string>(), at);
  }

  // The rule of a schema that may be referred to. Those reached before anything is written of a
  // value are noted: a circle of them would have no end.
  Text Ref(const std::string& ref, const std::string& at) {
    reached_[within_].insert(ref);
    if (const auto known = refs_.find(ref); known != refs_.end()) return known->second;
    const Json* target = ResolveRef(root_, ref);
    if (target == nullptr)
      return Wrong(at, absl::StrCat("\"$ref\" names nothing in this schema: ", Json(ref).dump()));
    const std::string name = refs_[ref] = writer_.Declare();
    const std::string outer = std::exchange(within_, ref);
    Text value = Schema(*target, ref.substr(1));
    within_ = outer;
    ABSL_RETURN_IF_ERROR(value.status());
    ABSL_RETURN_IF_ERROR(writer_.Define(name, *std::move(value)));
    return name;
  }

  absl::Status CheckProgress() const {
    std::set<std::string> done;
    std::set<std::string> open;
    for (const auto& [ref, reached] : reached_) {
      if (!ref.empty() && Circles(ref, open, done))
        return Wrong(ref.substr(1), "the schema refers to itself without an end");
    }
    return absl::OkStatus();
  }

  bool Circles(const std::string& ref, std::set<std::string>& open,
               std::set<std::string>& done) const {
    if (done.contains(ref)) return false;
    if (!open.insert(ref).second) return true;
    if (const auto reached = reached_.find(ref); reached != reached_.end()) {
      for (const auto& next : reached->second) {
        if (Circles(next, open, done)) return true;
      }
    }
    open.erase(ref);
    done.insert(ref);
    return false;
  }

  Text Union(const Json& schema, const std::string& keyword, const std::string& at) {
    ABSL_RETURN_IF_ERROR(At(at, CheckAlone(schema, keyword)));
    const Json& branches = schema[keyword];
    if (!branches.is_array() || branches.empty())
      return Wrong(at, absl::StrCat("\"", keyword, "\" must be a list of schemas"));
    std::vector<std::string> alternatives;
    for (std::size_t i = 0; i < branches.size(); ++i) {
      ABSL_ASSIGN_OR_RETURN(alternatives.emplace_back(),
                            Schema(branches[i], absl::StrCat(at, "/", keyword, "/", i)));
    }
    if (keyword == "oneOf") {
      ABSL_RETURN_IF_ERROR(CheckExclusive(branches, at));
    }
    if (IsNullable(schema)) alternatives.emplace_back(R"("null")");
    return At(at, writer_.AnyOf(alternatives));
  }

  // What is written by one branch must not be valid against another.
  absl::Status CheckExclusive(const Json& branches, const std::string& at) {
    for (std::size_t i = 0; i < branches.size(); ++i) {
      for (std::size_t j = i + 1; j < branches.size(); ++j) {
        if (exclusion_.Excludes(branches[i], branches[j]) &&
            exclusion_.Excludes(branches[j], branches[i])) {
          continue;
        }
        return Wrong(at, absl::StrCat("\"oneOf\" is supported only of schemas that exclude one "
                                      "another by type, constant, range or property, and ",
                                      i, " and ", j, " do not: use \"anyOf\""));
      }
    }
    return absl::OkStatus();
  }

  Text Values(const Json& schema, const std::string& at) {
    const std::string keyword = schema.contains("const") ? "const" : "enum";
    ABSL_RETURN_IF_ERROR(At(at, CheckAlone(schema, keyword)));
    const Json values = keyword == "const" ? Json::array({schema["const"]}) : schema["enum"];
    if (!values.is_array() || values.empty()) return Wrong(at, "\"enum\" must be a list of values");
    ABSL_ASSIGN_OR_RETURN(const auto types, TypesOf(schema, at));
    std::vector<std::string> alternatives;
    for (const Json& value : values) {
      if (types.empty() ||
          std::ranges::any_of(types, [&](const auto& type) { return HasType(value, type); })) {
        alternatives.push_back(GbnfLiteral(value.dump()));
      }
    }
    if (alternatives.empty())
      return Wrong(at, absl::StrCat("no value of \"", keyword, "\" has the type"));
    return At(at, writer_.AnyOf(alternatives));
  }

  static absl::StatusOr<std::vector<std::string>> TypesOf(const Json& schema,
                                                          const std::string& at) {
    const auto types = SchemaTypes(schema);
    if (!types.ok()) return Wrong(at, types.status().message());
    return types;
  }

  Text Types(const Json& schema, const std::string& at) {
    ABSL_ASSIGN_OR_RETURN(auto types, TypesOf(schema, at));
    if (types.empty()) types = ImpliedTypes(schema);
    if (types.empty()) return json_.Any();
    std::vector<std::string> alternatives;
    for (const auto& type : types) {
      ABSL_ASSIGN_OR_RETURN(alternatives.emplace_back(), Type(schema, type, at));
    }
    return At(at, writer_.AnyOf(alternatives));
  }

  Text Type(const Json& schema, std::string_view type, const std::string& at) {
    if (type == "object") return Object(schema, at);
    if (type == "array") return Array(schema, at);
    if (type == "string") return String(schema, at);
    if (type == "integer" || type == "number") return Number(schema, type == "integer", at);
    if (type == "boolean") return At(at, writer_.Rule(R"("true" | "false")"));
    return std::string(R"("null")");
  }

  // A count that a keyword sets.
  static absl::StatusOr<std::optional<int>> Count(const Json& schema, const char* keyword,
                                                  const std::string& at) {
    const auto found = schema.find(keyword);
    if (found == schema.end()) return std::nullopt;
    const double value = found->is_number() ? found->get<double>() : -1;
    if (value < 0 || value != std::floor(value))
      return Wrong(at, absl::StrCat("\"", keyword, "\" must be an integer, at least 0"));
    if (value > GrammarWriter::kMostRepetitions)
      return Wrong(at, absl::StrCat("\"", keyword, "\" must be at most ",
                                    GrammarWriter::kMostRepetitions, ", is ", found->dump()));
    return static_cast<int>(value);
  }

  Text String(const Json& schema, const std::string& at) {
    ABSL_ASSIGN_OR_RETURN(const auto min, Count(schema, "minLength", at));
    ABSL_ASSIGN_OR_RETURN(const auto max, Count(schema, "maxLength", at));
    if (max && min.value_or(0) > *max) return Wrong(at, "\"minLength\" is above \"maxLength\"");
    const bool has_pattern = schema.contains("pattern");
    if (!has_pattern && !schema.contains("format"))
      return At(at, json_.String(min.value_or(0), max));
    if (has_pattern && schema.contains("format"))
      return Wrong(at, "\"pattern\" beside \"format\" is not supported");
    const char* keyword = has_pattern ? "pattern" : "format";
    if (min || max) {
      return Wrong(at, absl::StrCat("\"", min ? "minLength" : "maxLength", "\" beside \"", keyword,
                                    "\" is not supported"));
    }
    if (!schema[keyword].is_string())
      return Wrong(at, absl::StrCat("\"", keyword, "\" must be a string"));
    std::string regex = schema[keyword].get<std::string>();
    if (!has_pattern) {
      const auto known = StringFormatRegex(regex);
      if (!known) return Wrong(at, absl::StrCat("\"format\" is not supported: ", regex));
      regex = *known;
    }
    const auto pattern =
        ParseRegex(regex, has_pattern ? RegexMatch::kAnywhere : RegexMatch::kWhole);
    if (!pattern.ok())
      return Wrong(at, absl::StrCat("\"", keyword, "\" ", pattern.status().message()));
    return At(at, json_.String(*pattern));
  }

  static absl::StatusOr<std::optional<NumberBound>> Bound(const Json& schema, bool low,
                                                          const std::string& at) {
    std::optional<NumberBound> bound;
    for (const bool exclusive : {false, true}) {
      const char* keyword = low ? (exclusive ? "exclusiveMinimum" : "minimum")
                                : (exclusive ? "exclusiveMaximum" : "maximum");
      const auto found = schema.find(keyword);
      if (found == schema.end()) continue;
      if (!found->is_number()) return Wrong(at, absl::StrCat("\"", keyword, "\" must be a number"));
      const auto value = found->get<double>();
      if (std::abs(value) >= 1e15)
        return Wrong(at, absl::StrCat("\"", keyword, "\" must be between -1e15 and 1e15"));
      const bool tighter = !bound || (low ? value >= bound->value : value <= bound->value);
      if (tighter) bound = NumberBound{value, exclusive};
    }
    return bound;
  }

  Text Number(const Json& schema, bool integer, const std::string& at) {
    ABSL_ASSIGN_OR_RETURN(const auto low, Bound(schema, true, at));
    ABSL_ASSIGN_OR_RETURN(const auto high, Bound(schema, false, at));
    if (const auto multiple = schema.find("multipleOf"); multiple != schema.end()) {
      if (!multiple->is_number() || multiple->get<double>() != 1)
        return Wrong(at, "\"multipleOf\" is supported only as 1");
      integer = true;
    }
    if (!integer && !low && !high) return json_.AnyNumber();
    const auto regex = integer ? IntegerRegex(Least(low), Greatest(high)) : NumberRegex(low, high);
    if (!regex) return Wrong(at, "no number is within the bounds");
    const auto pattern = ParseRegex(*regex, RegexMatch::kWhole);
    if (!pattern.ok()) return Wrong(at, pattern.status().message());
    return At(at, writer_.Write(*pattern, Spelling::kPlain));
  }

  static std::optional<std::int64_t> Least(const std::optional<NumberBound>& low) {
    if (!low) return std::nullopt;
    const double least = std::ceil(low->value);
    return static_cast<std::int64_t>(least) + (low->exclusive && least == low->value ? 1 : 0);
  }
  static std::optional<std::int64_t> Greatest(const std::optional<NumberBound>& high) {
    if (!high) return std::nullopt;
    const double greatest = std::floor(high->value);
    return static_cast<std::int64_t>(greatest) -
           (high->exclusive && greatest == high->value ? 1 : 0);
  }

  Text Array(const Json& schema, const std::string& at) {
    const std::string outer = std::exchange(within_, "");
    const absl::Cleanup restore = [&] { within_ = outer; };
    if (schema.value("uniqueItems", Json(false)) != Json(false))
      return Wrong(at, "\"uniqueItems\" is not supported");
    ArrayShape shape;
    ABSL_ASSIGN_OR_RETURN(const auto min, Count(schema, "minItems", at));
    ABSL_ASSIGN_OR_RETURN(shape.max, Count(schema, "maxItems", at));
    shape.min = min.value_or(0);
    if (const auto first = schema.find("prefixItems"); first != schema.end()) {
      if (!first->is_array()) return Wrong(at, "\"prefixItems\" must be a list of schemas");
      for (std::size_t i = 0; i < first->size(); ++i) {
        ABSL_ASSIGN_OR_RETURN(shape.first.emplace_back(),
                              Schema((*first)[i], absl::StrCat(at, "/prefixItems/", i)));
      }
    }
    const auto items = schema.find("items");
    if (items != schema.end() && *items != Json(false)) {
      ABSL_ASSIGN_OR_RETURN(shape.rest, Schema(*items, absl::StrCat(at, "/items")));
    } else if (items == schema.end() &&
               (shape.first.empty() || shape.min > static_cast<int>(shape.first.size()))) {
      ABSL_ASSIGN_OR_RETURN(shape.rest, json_.Any());
    }
    return At(at, json_.Array(shape));
  }

  Text Object(const Json& schema, const std::string& at) {
    const std::string outer = std::exchange(within_, "");
    const absl::Cleanup restore = [&] { within_ = outer; };
    ObjectShape shape;
    ABSL_ASSIGN_OR_RETURN(const auto min, Count(schema, "minProperties", at));
    ABSL_ASSIGN_OR_RETURN(shape.max, Count(schema, "maxProperties", at));
    shape.min = min.value_or(0);
    ABSL_ASSIGN_OR_RETURN(const auto required, Required(schema, at));
    const Json properties = schema.value("properties", Json::object());
    if (!properties.is_object()) return Wrong(at, "\"properties\" must be an object");
    const auto others = schema.find("additionalProperties");
    const bool closed = others != schema.end() && *others == Json(false);
    if (others != schema.end() && !closed) {
      ABSL_ASSIGN_OR_RETURN(shape.other, Schema(*others, Below(at, "additionalProperties")));
    } else if (others == schema.end() && properties.empty()) {
      ABSL_ASSIGN_OR_RETURN(shape.other, json_.Any());
    }
    for (const auto& [key, value] : properties.items()) {
      // A property that nothing is valid for is left out, if it may be.
      if (value == Json(false) && !required.contains(key) && !shape.other) continue;
      ABSL_ASSIGN_OR_RETURN(std::string rule, Schema(value, Below(at + "/properties", key)));
      shape.members.push_back({key, std::move(rule), required.contains(key)});
    }
    for (const auto& key : required) {
      if (properties.contains(key)) continue;
      if (closed)
        return Wrong(at, absl::StrCat("\"required\" asks for a property that is not allowed: ",
                                      Json(key).dump()));
      ABSL_ASSIGN_OR_RETURN(std::string value, shape.other ? Text(*shape.other) : json_.Any());
      shape.members.push_back({key, std::move(value), true});
    }
    if (shape.members.size() > kMostProperties)
      return Wrong(at, absl::StrCat("more than ", kMostProperties, " properties"));
    return At(at, json_.Object(shape));
  }

  static absl::StatusOr<std::set<std::string>> Required(const Json& schema, const std::string& at) {
    std::set<std::string> required;
    const Json list = schema.value("required", Json::array());
    if (!list.is_array()) return Wrong(at, "\"required\" must be a list of strings");
    for (const Json& key : list) {
      if (!key.is_string()) return Wrong(at, "\"required\" must be a list of strings");
      required.insert(key.get<std::string>());
    }
    return required;
  }

  const Json& root_;
  GrammarWriter& writer_;
  JsonGrammar json_{writer_};
  SchemaExclusion exclusion_{root_};
  std::map<std::string, std::string> refs_;               // rules of "$ref"s
  std::map<std::string, std::set<std::string>> reached_;  // refs from refs, with nothing between
  std::string within_;                                    // the ref being converted, or ""
  std::size_t schemas_ = 0;
  int depth_ = 0;
};

}  // namespace

Text WriteJsonSchema(const Json& schema, GrammarWriter& writer) {
  return Converter(schema, writer).Convert();
}

Text JsonSchemaToGbnf(std::string_view schema) {
  const auto json = ParseJson(schema);
  if (!json.ok()) return json.status();
  GrammarWriter writer;
  ABSL_ASSIGN_OR_RETURN(const std::string value, WriteJsonSchema(*json, writer));
  return std::move(writer).Finish(value);
}

Text JsonObjectGbnf() {
  GrammarWriter writer;
  ABSL_ASSIGN_OR_RETURN(const std::string object, JsonGrammar(writer).AnyObject());
  return std::move(writer).Finish(object);
}

}  // namespace chasqui::worker
