// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/exclusion.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "services/inference-worker/format/merge_schemas.h"
#include "services/inference-worker/format/schema_keywords.h"

namespace chasqui::worker {
namespace {

constexpr int kDeepest = 16;          // a schema may refer to itself
constexpr int kMostVisits = 200'000;  // of schemas, over all

// As JSON says: whatever the order of members.
bool Equal(const Json& a, const Json& b) { return nlohmann::json(a) == nlohmann::json(b); }

bool TypesOverlap(std::string_view a, std::string_view b) {
  const auto is_number = [](std::string_view t) { return t == "number" || t == "integer"; };
  return a == b || (is_number(a) && is_number(b));
}

// The values of "const" or "enum"; nothing when there is neither.
const Json* ConstantsOf(const Json& schema, Json& buffer) {
  if (const auto constant = schema.find("const"); constant != schema.end()) {
    buffer = Json::array({*constant});
    return &buffer;
  }
  const auto values = schema.find("enum");
  return values != schema.end() && values->is_array() ? &*values : nullptr;
}

struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;

  bool IsBelow(const Range& other) const {
    return high < other.low || (high == other.low && (high_open || other.low_open));
  }
};

Range RangeOf(const Json& schema) {
  Range range;
  for (const bool open : {false, true}) {
    const auto low = schema.find(open ? "exclusiveMinimum" : "minimum");
    if (low != schema.end() && low->is_number() && low->get<double>() >= range.low) {
      range.low = low->get<double>();
      range.low_open = open;
    }
    const auto high = schema.find(open ? "exclusiveMaximum" : "maximum");
    if (high != schema.end() && high->is_number() && high->get<double>() <= range.high) {
      range.high = high->get<double>();
      range.high_open = open;
    }
  }
  return range;
}

// A schema of objects, as far as it matters here.
class Members {
 public:
  explicit Members(const Json& schema) {
    if (const auto found = schema.find("properties"); found != schema.end() && found->is_object())
      properties_ = &*found;
    if (const auto found = schema.find("required"); found != schema.end() && found->is_array())
      required_ = &*found;
    if (const auto found = schema.find("additionalProperties"); found != schema.end())
      others_ = &*found;
  }

  std::vector<std::string> required() const {
    std::vector<std::string> keys;
    if (required_ == nullptr) return keys;
    for (const Json& key : *required_) {
      if (key.is_string()) keys.push_back(key.get<std::string>());
    }
    return keys;
  }
  bool Requires(const std::string& key) const { return std::ranges::contains(required(), key); }

  // What a member's value must be valid against: nullptr where the key is not allowed.
  const Json* Validated(const std::string& key) const {
    if (const Json* own = Own(key)) return own;
    return others_ == nullptr ? &Anything() : NullIfFalse(*others_);
  }
  // What a member's value is written by: nullptr where the key is not written.
  const Json* Written(const std::string& key) const {
    if (const Json* own = Own(key)) return NullIfFalse(*own);
    if (others_ != nullptr) return NullIfFalse(*others_);
    const bool open = properties_ == nullptr || properties_->empty();
    return open || Requires(key) ? &Anything() : nullptr;
  }

 private:
  static const Json& Anything() {
    static const Json& anything = *new Json(true);
    return anything;
  }
  static const Json* NullIfFalse(const Json& schema) {
    return schema == Json(false) ? nullptr : &schema;
  }
  const Json* Own(const std::string& key) const {
    if (properties_ == nullptr) return nullptr;
    const auto found = properties_->find(key);
    return found == properties_->end() ? nullptr : &*found;
  }

  const Json* properties_ = nullptr;
  const Json* required_ = nullptr;
  const Json* others_ = nullptr;
};

}  // namespace

bool SchemaExclusion::Goes(int depth) { return ++visits_ <= kMostVisits && depth <= kDeepest; }

bool SchemaExclusion::Excludes(const Json& written, const Json& other, int depth) {
  if (!Goes(depth)) return false;
  if (written.is_boolean()) return !written.get<bool>();
  if (!written.is_object()) return false;
  if (const auto ref = written.find("$ref"); ref != written.end()) {
    const Json* target = ref->is_string() ? ResolveRef(root_, ref->get<std::string>()) : nullptr;
    return target != nullptr && Excludes(*target, other, depth + 1);
  }
  for (const char* keyword : {"anyOf", "oneOf"}) {
    const auto branches = written.find(keyword);
    if (branches == written.end()) continue;
    const Json null = {{"type", "null"}};
    return branches->is_array() &&
           std::ranges::all_of(
               *branches, [&](const Json& branch) { return Excludes(branch, other, depth + 1); }) &&
           (!IsNullable(written) || Excludes(null, other, depth + 1));
  }
  if (written.contains("allOf")) {
    const auto merged = MergeAllOf(written, root_);
    return merged.ok() && Excludes(*merged, other, depth + 1);
  }
  Json buffer;
  if (const Json* values = ConstantsOf(written, buffer)) {
    return std::ranges::all_of(
        *values, [&](const Json& value) { return RejectsValue(other, value, depth + 1); });
  }
  return RejectsAll(other, written, depth);
}

bool SchemaExclusion::Rejected(const Json& other, bool may_be_null, int depth,
                               absl::FunctionRef<bool(const Json& simple)> rejects) {
  if (!Goes(depth)) return false;
  if (other.is_boolean()) return !other.get<bool>();
  if (!other.is_object()) return false;
  if (const auto ref = other.find("$ref"); ref != other.end()) {
    const Json* target = ref->is_string() ? ResolveRef(root_, ref->get<std::string>()) : nullptr;
    return target != nullptr && Rejected(*target, may_be_null, depth + 1, rejects);
  }
  const auto rejected_by = [&](const Json& part) {
    return Rejected(part, may_be_null, depth + 1, rejects);
  };
  for (const char* keyword : {"anyOf", "oneOf"}) {
    const auto branches = other.find(keyword);
    if (branches == other.end()) continue;
    if (may_be_null && IsNullable(other)) return false;
    return branches->is_array() && std::ranges::all_of(*branches, rejected_by);
  }
  const auto all = other.find("allOf");
  if (all == other.end()) return rejects(other);
  if (all->is_array() && std::ranges::any_of(*all, rejected_by)) return true;
  Json own = other;
  own.erase("allOf");
  return rejects(own);
}

bool SchemaExclusion::RejectsAll(const Json& other, const Json& written, int depth) {
  const auto given = SchemaTypes(written);
  if (!given.ok()) return false;
  const auto types = given->empty() ? ImpliedTypes(written) : *given;
  if (types.empty()) return other == Json(false);
  return std::ranges::all_of(types, [&](const std::string& type) {
    return Rejected(other, type == "null", depth,
                    [&](const Json& simple) { return RejectsType(simple, written, type, depth); });
  });
}

bool SchemaExclusion::RejectsType(const Json& other, const Json& written, std::string_view type,
                                  int depth) {
  const auto types = SchemaTypes(other);
  if (!types.ok()) return false;
  const auto overlaps = [&](const std::string& t) { return TypesOverlap(t, type); };
  if (!types->empty() && std::ranges::none_of(*types, overlaps)) return true;
  Json buffer;
  if (const Json* values = ConstantsOf(other, buffer)) {
    // What is written is valid against its own schema.
    return std::ranges::all_of(*values, [&](const Json& value) {
      return !HasType(value, type) || RejectsValue(written, value, depth + 1);
    });
  }
  if (type == "number" || type == "integer") {
    const Range range = RangeOf(written);
    const Range valid = RangeOf(other);
    return range.IsBelow(valid) || valid.IsBelow(range);
  }
  return type == "object" && RejectsObjects(other, written, depth);
}

bool SchemaExclusion::RejectsObjects(const Json& other, const Json& written, int depth) {
  const Members ours(written);
  const Members theirs(other);
  // A member that is there in every object that both could have, with values that exclude another.
  const auto differs = [&](const std::string& key) {
    const Json* value = ours.Written(key);
    const Json* valid = theirs.Validated(key);
    return value == nullptr || valid == nullptr || Excludes(*value, *valid, depth + 1);
  };
  const auto keys = ours.required();
  const auto their_keys = theirs.required();
  return std::ranges::any_of(keys, differs) || std::ranges::any_of(their_keys, differs);
}

bool SchemaExclusion::RejectsValue(const Json& other, const Json& value, int depth) {
  return Rejected(other, value.is_null(), depth, [&](const Json& simple) {
    Json buffer;
    if (const Json* values = ConstantsOf(simple, buffer);
        values != nullptr &&
        std::ranges::none_of(*values, [&](const Json& v) { return Equal(v, value); })) {
      return true;
    }
    const auto types = SchemaTypes(simple);
    if (!types.ok()) return false;
    if (!types->empty() &&
        std::ranges::none_of(*types, [&](const std::string& t) { return HasType(value, t); })) {
      return true;
    }
    if (value.is_number()) {
      const Range point{.low = value.get<double>(), .high = value.get<double>()};
      const Range valid = RangeOf(simple);
      return point.IsBelow(valid) || valid.IsBelow(point);
    }
    if (!value.is_object()) return false;
    const Members members(simple);
    if (std::ranges::any_of(members.required(),
                            [&](const std::string& key) { return !value.contains(key); })) {
      return true;
    }
    return std::ranges::any_of(value.items(), [&](const auto& member) {
      const Json* valid = members.Validated(member.key());
      return valid == nullptr || RejectsValue(*valid, member.value(), depth + 1);
    });
  });
}

}  // namespace chasqui::worker
