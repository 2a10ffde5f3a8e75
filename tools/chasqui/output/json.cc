// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/output/json.h"

#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace chasqui::cli {

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : absl::StrCat("{\"error\":\"", status.ToString(), "\"}");
}

absl::Status FromJson(std::string_view json, std::string_view what,
                      google::protobuf::Message& message) {
  const auto status =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &message);
  if (status.ok()) return absl::OkStatus();
  const auto text = status.message();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": ", std::string_view(text.data(), text.size())));
}

std::string QuoteBytes(std::string_view bytes) {
  const std::string quoted =
      nlohmann::json(bytes).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // What is no UTF-8 was replaced: the text that comes back is another.
  if (nlohmann::json::parse(quoted).get<std::string>() == bytes) return quoted;
  return absl::StrCat("\"", absl::CEscape(bytes), "\"");
}

}  // namespace chasqui::cli
