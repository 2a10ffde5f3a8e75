// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/message.h>
#include <yaml-cpp/yaml.h>

#include "common/config/problems.h"

// Settings onto a message, by reflection. Internal to common/config.
namespace chasqui::config {

// Puts a YAML file's text onto `config`. `name` stands before the line in each problem.
void AssignYaml(std::string_view name, const std::string& text, google::protobuf::Message& config,
                Problems& problems);

// Puts `value` onto the field that `path` ("queue.max_requests") names. `origin` stands first in
// each problem: the name of a variable, or "--set".
void AssignPath(std::string_view origin, std::string_view path, const std::string& value,
                google::protobuf::Message& config, Problems& problems);

}  // namespace chasqui::config
