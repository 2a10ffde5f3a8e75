// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/yaml.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/field.h"
#include "common/config/load.h"

namespace chasqui::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::string_view kMask = "***";

// The password of "scheme://user:password@host" and of libpq's "password=..." replaced by the mask.
std::string WithoutPasswords(std::string text) {
  if (const std::size_t scheme = text.find("://"); scheme != std::string::npos) {
    const std::size_t user = scheme + 3;
    const std::size_t at = text.substr(0, text.find_first_of("/?#", user)).rfind('@');
    const std::size_t colon = text.find(':', user);
    if (at != std::string::npos && at > user && colon < at) {
      text.replace(colon + 1, at - colon - 1, kMask);
    }
  }
  constexpr std::string_view kKeyword = "password=";
  if (const std::size_t keyword = text.find(kKeyword); keyword != std::string::npos) {
    const std::size_t begin = keyword + kKeyword.size();
    const char quote = begin < text.size() && text[begin] == '\'' ? '\'' : ' ';
    const std::size_t end = text.find_first_of(quote == '\'' ? "'" : " &", begin + 1);
    text.replace(begin, end == std::string::npos ? end : end - begin + (quote == '\'' ? 1 : 0),
                 kMask);
  }
  return text;
}

class Printer {
 public:
  void PutMessage(const Message& message) {
    const Reflection& reflection = *message.GetReflection();
    out_ << YAML::BeginMap;
    const Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      // What is absent has no value to show; a plain proto3 scalar always has one. UNSPECIFIED is
      // not a value that can be written.
      if (field.has_presence() && !reflection.HasField(message, &field)) continue;
      if (IsUnspecified(message, field)) continue;
      out_ << YAML::Key << field.name() << YAML::Value;
      PutField(message, field);
    }
    out_ << YAML::EndMap;
  }

  std::string Take() { return absl::StrCat(out_.c_str(), "\n"); }

 private:
  static bool IsUnspecified(const Message& message, const FieldDescriptor& field) {
    return !field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
           message.GetReflection()->GetEnumValue(message, &field) == 0;
  }

  void PutField(const Message& message, const FieldDescriptor& field) {
    if (field.is_map()) {
      PutMap(message, field);
    } else if (field.is_repeated()) {
      const int count = message.GetReflection()->FieldSize(message, &field);
      if (count == 0) out_ << YAML::Flow;
      out_ << YAML::BeginSeq;
      for (int i = 0; i < count; ++i) PutValue(message, field, i);
      out_ << YAML::EndSeq;
    } else {
      PutValue(message, field, -1);
    }
  }

  // Sorted: a map has no order of its own, and what is printed should not change from run to run.
  void PutMap(const Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    std::map<std::string, const Message*> entries;
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
      entries[ScalarText(entry, *field.message_type()->map_key(), -1)] = &entry;
    }
    if (entries.empty()) out_ << YAML::Flow;
    out_ << YAML::BeginMap;
    for (const auto& [key, entry] : entries) {
      out_ << YAML::Key << key << YAML::Value;
      PutValue(*entry, *field.message_type()->map_value(), -1);
    }
    out_ << YAML::EndMap;
  }

  void PutValue(const Message& message, const FieldDescriptor& field, int index) {
    const Reflection& reflection = *message.GetReflection();
    if (!IsScalar(field)) {
      PutMessage(index >= 0 ? reflection.GetRepeatedMessage(message, &field, index)
                            : reflection.GetMessage(message, &field));
      return;
    }
    const std::string text = ScalarText(message, field, index);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) {
      out_ << text;
    } else if (IsSecret(field) && !text.empty()) {
      out_ << YAML::DoubleQuoted << std::string(kMask);
    } else {
      out_ << YAML::DoubleQuoted << WithoutPasswords(text);
    }
  }

  YAML::Emitter out_;
};

}  // namespace

std::string Print(const Message& config) {
  Printer printer;
  printer.PutMessage(config);
  return printer.Take();
}

}  // namespace chasqui::config
