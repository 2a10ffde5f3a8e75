// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string_view>

#include <google/protobuf/descriptor.h>

#include "common/config/load.h"

namespace chasqui::config {

bool IsSecret(const google::protobuf::FieldDescriptor& field) {
  using google::protobuf::FieldDescriptor;
  constexpr std::array<std::string_view, 6> kEndings = {"password", "passphrase",  "secret",
                                                        "token",    "credentials", "api_key"};
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) return false;
  const std::string_view name = field.name();
  for (const std::string_view ending : kEndings) {
    if (name.ends_with(ending)) return true;
    if (name.ends_with('s') && name.substr(0, name.size() - 1).ends_with(ending)) return true;
  }
  return false;
}

}  // namespace chasqui::config
