// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/parse_json.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace chasqui::worker {

absl::StatusOr<Json> ParseJson(std::string_view text) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::string wrong;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepestJson && wrong.empty())
      wrong = absl::StrCat("is nested deeper than ", kDeepestJson);
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      wrong = absl::StrCat("has the key ", parsed.dump(), " twice in one object");
    return wrong.empty() || event == Json::parse_event_t::object_end;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (!wrong.empty()) return absl::InvalidArgumentError(wrong);
  if (json.is_discarded()) return absl::InvalidArgumentError("is no JSON");
  return json;
}

}  // namespace chasqui::worker
