// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/status/status.h"

// Single values of a configuration message, by reflection. Internal to common/config.
namespace chasqui::config {

// Whether one value of the field is written as one word: everything but messages, and durations.
bool IsScalar(const google::protobuf::FieldDescriptor& field);

// Whether the field counts bytes, and may thus be written as "64MiB": an integer whose name ends in
// "_bytes".
bool IsByteSize(const google::protobuf::FieldDescriptor& field);

// Sets the scalar `field` of `message`, or adds one element to it when it is repeated. Errors are
// INVALID_ARGUMENT and read on from the field's name; they never hold a secret field's value.
absl::Status PutScalar(std::string_view text, const google::protobuf::FieldDescriptor& field,
                       google::protobuf::Message& message);

// The text that PutScalar reads back; `index` counts within a repeated field, -1 means a single
// one.
std::string ScalarText(const google::protobuf::Message& message,
                       const google::protobuf::FieldDescriptor& field, int index);

// The names by which an operator calls the values of an enum: without the type's prefix and without
// UNSPECIFIED, in lower case.
std::vector<std::string> ShortNames(const google::protobuf::EnumDescriptor& type);

}  // namespace chasqui::config
