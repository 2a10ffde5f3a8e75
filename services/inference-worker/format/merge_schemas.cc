// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/merge_schemas.h"

#include <string>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "services/inference-worker/format/schema_keywords.h"

namespace chasqui::worker {
namespace {

constexpr int kDeepestMerge = 32;  // "allOf" within "allOf", "$ref" to "$ref"
constexpr int kMostMerged = 1000;  // each schema is counted as often as it is reached

absl::Status Wrong(std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"allOf\" ", why));
}

bool SaysSomething(const Json& part) {
  for (const auto& [key, value] : part.items()) {
    if (!IsAnnotation(key)) return true;
  }
  return false;
}

class Merger {
 public:
  explicit Merger(const Json& root) : root_(root) {}

  absl::Status Add(const Json& part, int depth) {
    if (depth > kDeepestMerge) return Wrong("is nested too deep or refers to itself");
    if (++visited_ > kMostMerged)
      return Wrong(absl::StrCat("amounts to more than ", kMostMerged, " schemas"));
    if (part == Json(true)) return absl::OkStatus();
    ABSL_RETURN_IF_ERROR(CheckKeywords(part));
    if (const auto ref = part.find("$ref"); ref != part.end()) {
      ABSL_RETURN_IF_ERROR(CheckAlone(part, "$ref"));
      const Json* target = ref->is_string() ? ResolveRef(root_, ref->get<std::string>()) : nullptr;
      if (target == nullptr) return Wrong("has a \"$ref\" that names nothing");
      return Add(*target, depth + 1);
    }
    Json own = part;
    own.erase("allOf");
    if (SaysSomething(own)) {
      ABSL_RETURN_IF_ERROR(AddOwn(own));
    }
    const auto all = part.find("allOf");
    if (all == part.end()) return absl::OkStatus();
    if (!all->is_array() || all->empty()) return Wrong("must be a list of schemas");
    for (const Json& inner : *all) ABSL_RETURN_IF_ERROR(Add(inner, depth + 1));
    return absl::OkStatus();
  }

  absl::StatusOr<Json> Result() && {
    if (parts_ == 1) return std::move(only_);
    return std::move(merged_);
  }

 private:
  // A part that stands alone may be anything; of several, each must be of objects.
  absl::Status AddOwn(const Json& own) {
    if (++parts_ == 1) {
      only_ = own;
      return absl::OkStatus();
    }
    if (parts_ == 2) {
      ABSL_RETURN_IF_ERROR(AddObject(only_));
    }
    return AddObject(own);
  }

  absl::Status AddObject(const Json& own) {
    if (own.contains("type") && own["type"] != Json("object"))
      return Wrong("is supported only of objects");
    merged_["type"] = "object";
    for (const auto& [key, value] : own.items()) {
      if (key == "properties" && value.is_object()) {
        for (const auto& [name, schema] : value.items()) {
          Json& known = merged_["properties"];
          if (known.contains(name) && known[name] != schema)
            return Wrong(absl::StrCat("has the property ", Json(name).dump(), " in two ways"));
          known[name] = schema;
        }
      } else if (key == "required" && value.is_array()) {
        for (const Json& name : value) merged_["required"].push_back(name);
      } else if (key != "type" && !IsAnnotation(key)) {
        return Wrong(absl::StrCat("of several schemas is not supported with ", Json(key).dump()));
      }
    }
    return absl::OkStatus();
  }

  const Json& root_;
  int visited_ = 0;
  int parts_ = 0;
  Json only_ = Json::object();
  Json merged_ = Json::object();
};

}  // namespace

absl::StatusOr<Json> MergeAllOf(const Json& schema, const Json& root) {
  Merger merger(root);
  ABSL_RETURN_IF_ERROR(merger.Add(schema, 0));
  return std::move(merger).Result();
}

}  // namespace chasqui::worker
