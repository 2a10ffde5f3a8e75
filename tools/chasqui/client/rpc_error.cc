// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/client/rpc_error.h"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "common/status/status.h"

namespace chasqui::cli {
namespace {

constexpr absl::string_view kShown = "chasqui/shown";

std::string CodeName(const absl::Status& error) { return absl::StatusCodeToString(error.code()); }

// gRPC says "failed to connect to all addresses; last error: UNKNOWN: ...", which is true and helps
// nobody: only what the system said of the address matters.
std::string Message(const absl::Status& error) {
  const absl::string_view message = error.message();
  constexpr absl::string_view kLast = "last error: ";
  const std::size_t last = message.find(kLast);
  if (last == absl::string_view::npos || !absl::StartsWith(message, "failed to connect")) {
    return std::string(message);
  }
  absl::string_view rest = message.substr(last + kLast.size());
  if (const std::size_t address = rest.find("ipv"); address != absl::string_view::npos) {
    rest.remove_prefix(address);
  }
  return absl::StrCat("cannot connect: ", rest,
                      "; is the suite running? (--server or CHASQUI_SERVER says where)");
}

}  // namespace

std::string ErrorLine(const absl::Status& error) {
  const std::string message = Message(error);
  std::vector<std::string> parts;
  if (!message.empty()) parts.push_back(message);
  for (const status::FieldViolation& violation : status::FieldViolations(error)) {
    if (absl::StrContains(message, violation.description)) continue;
    parts.push_back(absl::StrCat(violation.field, ": ", violation.description));
  }
  if (const auto delay = status::RetryDelay(error)) {
    parts.push_back(absl::StrCat("try again in ", delay->count(), " ms"));
  }
  std::string line = absl::StrJoin(parts, "; ");
  const std::string reason = status::ErrorReason(error);
  absl::StrAppend(&line, line.empty() ? "" : " ", "(", CodeName(error), reason.empty() ? "" : ", ",
                  reason, ")");
  return absl::StrReplaceAll(line, {{"\n", " "}, {"\r", " "}});
}

std::string ErrorJson(const absl::Status& error) {
  nlohmann::ordered_json json = {{"code", CodeName(error)},
                                 {"reason", status::ErrorReason(error)},
                                 {"message", Message(error)}};
  json["fields"] = nlohmann::ordered_json::array();
  for (const status::FieldViolation& violation : status::FieldViolations(error)) {
    json["fields"].push_back({{"field", violation.field}, {"description", violation.description}});
  }
  if (const auto delay = status::RetryDelay(error)) json["retry_delay_ms"] = delay->count();
  // A message is UTF-8 on the wire only by convention.
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

absl::Status MarkShown(absl::Status error) {
  error.SetPayload(kShown, absl::Cord());
  return error;
}

bool IsShown(const absl::Status& error) { return error.GetPayload(kShown).has_value(); }

}  // namespace chasqui::cli
