// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/message.h>

#include "absl/status/status.h"

namespace chasqui::cli {

// `message` as one line of JSON: fields by their proto names, absent values written out, so that a
// program finds every field; 64-bit numbers are strings, as proto3's mapping has them.
std::string ToJson(const google::protobuf::Message& message);

// Reads proto3 JSON onto `message`. INVALID_ARGUMENT names `what` and the mistake; unknown fields
// are one.
absl::Status FromJson(std::string_view json, std::string_view what,
                      google::protobuf::Message& message);

// `bytes` in quotes, as JSON writes text; with C's octal escapes where they are no UTF-8.
std::string QuoteBytes(std::string_view bytes);

}  // namespace chasqui::cli
