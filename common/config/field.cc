// SPDX-License-Identifier: Apache-2.0
#include "common/config/field.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <google/protobuf/duration.pb.h>

#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/config/load.h"
#include "common/config/nearest.h"
#include "common/config/problems.h"
#include "common/config/scalar.h"

namespace chasqui::config {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status ButNot(std::string_view rule, const FieldDescriptor& field, std::string_view text) {
  if (IsSecret(field)) return absl::InvalidArgumentError(rule);
  return absl::InvalidArgumentError(absl::StrCat(rule, ", not ", Quoted(text)));
}

template <typename T>
absl::StatusOr<T> ParseInteger(std::string_view text, const FieldDescriptor& field) {
  if (IsByteSize(field)) {
    const absl::StatusOr<std::uint64_t> bytes = ParseByteSize(text);
    if (!bytes.ok()) return ButNot(bytes.status().message(), field, text);
    if (*bytes <= static_cast<std::uint64_t>(std::numeric_limits<T>::max())) {
      return static_cast<T>(*bytes);
    }
  }
  T value = 0;
  if (absl::SimpleAtoi(text, &value)) return value;
  return ButNot(absl::StrCat("must be a whole number from ", std::numeric_limits<T>::min(), " to ",
                             std::numeric_limits<T>::max()),
                field, text);
}

absl::StatusOr<double> ParseNumber(std::string_view text, const FieldDescriptor& field) {
  double value = 0;
  if (absl::SimpleAtod(text, &value) && std::isfinite(value)) return value;
  return ButNot("must be a number", field, text);
}

// BALANCING_POLICY_ of BalancingPolicy.
std::string EnumPrefix(const EnumDescriptor& type) {
  std::string prefix;
  for (const char letter : type.name()) {
    if (absl::ascii_isupper(letter) && !prefix.empty()) prefix.push_back('_');
    prefix.push_back(absl::ascii_toupper(letter));
  }
  return prefix + '_';
}

std::string ShortName(const EnumValueDescriptor& value) {
  const std::string prefix = EnumPrefix(*value.type());
  return absl::AsciiStrToLower(absl::StripPrefix(value.name(), prefix));
}

absl::StatusOr<const EnumValueDescriptor*> ParseEnum(std::string_view text,
                                                     const FieldDescriptor& field) {
  const EnumDescriptor& type = *field.enum_type();
  const std::string upper = absl::AsciiStrToUpper(absl::StrReplaceAll(text, {{"-", "_"}}));
  const EnumValueDescriptor* value = type.FindValueByName(upper);
  if (value == nullptr) value = type.FindValueByName(EnumPrefix(type) + upper);
  if (value != nullptr && value->number() != 0) return value;
  const std::vector<std::string> names = ShortNames(type);
  return absl::InvalidArgumentError(absl::StrCat("must be one of ", absl::StrJoin(names, ", "),
                                                 ", not ", Quoted(text), DidYouMean(text, names)));
}

absl::Status PutDuration(std::string_view text, const FieldDescriptor& field, Message& message) {
  const absl::StatusOr<std::chrono::nanoseconds> duration = ParseDuration(text);
  if (!duration.ok()) return ButNot(duration.status().message(), field, text);
  const Reflection& reflection = *message.GetReflection();
  Message* target = field.is_repeated() ? reflection.AddMessage(&message, &field)
                                        : reflection.MutableMessage(&message, &field);
  // Field by field: the message may be of a dynamic type.
  const google::protobuf::Duration value = ToProto(*duration);
  const google::protobuf::Descriptor& type = *field.message_type();
  target->GetReflection()->SetInt64(target, type.FindFieldByName("seconds"), value.seconds());
  target->GetReflection()->SetInt32(target, type.FindFieldByName("nanos"), value.nanos());
  return absl::OkStatus();
}

std::string DurationText(const Message& message) {
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  google::protobuf::Duration duration;
  duration.set_seconds(reflection.GetInt64(message, type.FindFieldByName("seconds")));
  duration.set_nanos(reflection.GetInt32(message, type.FindFieldByName("nanos")));
  return FormatDuration(FromProto(duration));
}

// The fewest digits that read back to the same number.
template <typename T>
std::string Shortest(T value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return std::string(digits.data(), end);
}

}  // namespace

bool IsScalar(const FieldDescriptor& field) {
  return field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
         field.message_type()->full_name() == "google.protobuf.Duration";
}

bool IsByteSize(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return field.name().ends_with("_bytes");
    default:
      return false;
  }
}

absl::Status PutScalar(std::string_view text, const FieldDescriptor& field, Message& message) {
  const Reflection& r = *message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: {
      ABSL_ASSIGN_OR_RETURN(const auto value, ParseInteger<std::int32_t>(text, field));
      many ? r.AddInt32(&message, &field, value) : r.SetInt32(&message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      ABSL_ASSIGN_OR_RETURN(const auto value, ParseInteger<std::int64_t>(text, field));
      many ? r.AddInt64(&message, &field, value) : r.SetInt64(&message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      ABSL_ASSIGN_OR_RETURN(const auto value, ParseInteger<std::uint32_t>(text, field));
      many ? r.AddUInt32(&message, &field, value) : r.SetUInt32(&message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      ABSL_ASSIGN_OR_RETURN(const auto value, ParseInteger<std::uint64_t>(text, field));
      many ? r.AddUInt64(&message, &field, value) : r.SetUInt64(&message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      ABSL_ASSIGN_OR_RETURN(const double value, ParseNumber(text, field));
      many ? r.AddDouble(&message, &field, value) : r.SetDouble(&message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_FLOAT: {
      ABSL_ASSIGN_OR_RETURN(const double number, ParseNumber(text, field));
      if (std::abs(number) > std::numeric_limits<float>::max()) {
        return ButNot("must be a number that fits a float", field, text);
      }
      const auto value = static_cast<float>(number);
      many ? r.AddFloat(&message, &field, value) : r.SetFloat(&message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      const absl::StatusOr<bool> value = ParseBool(text);
      if (!value.ok()) return ButNot(value.status().message(), field, text);
      many ? r.AddBool(&message, &field, *value) : r.SetBool(&message, &field, *value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      ABSL_ASSIGN_OR_RETURN(const EnumValueDescriptor* value, ParseEnum(text, field));
      many ? r.AddEnum(&message, &field, value) : r.SetEnum(&message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string value(text);
      many ? r.AddString(&message, &field, value) : r.SetString(&message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return PutDuration(text, field, message);
  }
  return absl::InternalError("has a type that configurations cannot hold");
}

std::string ScalarText(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& r = *message.GetReflection();
  const bool many = index >= 0;
  const auto integer = [&](auto value) {
    return IsByteSize(field) && value > 0 ? FormatByteSize(static_cast<std::uint64_t>(value))
                                          : absl::StrCat(value);
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return integer(many ? r.GetRepeatedInt32(message, &field, index)
                          : r.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return integer(many ? r.GetRepeatedInt64(message, &field, index)
                          : r.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return integer(many ? r.GetRepeatedUInt32(message, &field, index)
                          : r.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return integer(many ? r.GetRepeatedUInt64(message, &field, index)
                          : r.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Shortest(many ? r.GetRepeatedDouble(message, &field, index)
                           : r.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Shortest(many ? r.GetRepeatedFloat(message, &field, index)
                           : r.GetFloat(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return (many ? r.GetRepeatedBool(message, &field, index) : r.GetBool(message, &field))
                 ? "true"
                 : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return ShortName(
          *(many ? r.GetRepeatedEnum(message, &field, index) : r.GetEnum(message, &field)));
    case FieldDescriptor::CPPTYPE_STRING:
      return many ? r.GetRepeatedString(message, &field, index) : r.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return DurationText(many ? r.GetRepeatedMessage(message, &field, index)
                               : r.GetMessage(message, &field));
  }
  return "";
}

std::vector<std::string> ShortNames(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() != 0) names.push_back(ShortName(*type.value(i)));
  }
  return names;
}

}  // namespace chasqui::config
