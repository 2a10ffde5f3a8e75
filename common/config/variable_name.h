// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.h>

// Names of environment variables and the settings they stand for. Internal to common/config.
namespace chasqui::config {

// The paths that a variable's name may mean, without the prefix: QUEUE_MAX_REQUESTS is
// queue.max_requests. More than one when field names are such that "_" can be read in two ways.
std::vector<std::string> PathsOfVariable(std::string_view name,
                                         const google::protobuf::Descriptor& type);

// The names of all variables that `type` has, without the prefix.
std::vector<std::string> VariableNames(const google::protobuf::Descriptor& type);

// Whether Kubernetes made this variable for a Service of the same name: _SERVICE_HOST,
// _SERVICE_PORT[_NAME], _PORT=tcp://..., _PORT_50051_TCP[_ADDR|_PORT|_PROTO].
bool IsServiceLink(std::string_view name, std::string_view value);

}  // namespace chasqui::config
