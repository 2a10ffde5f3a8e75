// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <spdlog/formatter.h>

#include "common/observability/log.h"

// How a log line looks. Internal to common/observability.
namespace chasqui::observability {

// Appends a field: `,"key":value` in JSON, two blanks and `key=value` in text. Texts are cut after
// 4 KiB. Nothing a client sends can break a line, forge one or command a terminal.
void AppendField(LogFormat format, const LogField& field, std::string& out);

// Appends the message as the head of the fields: `"message":"..."` in JSON.
void AppendMessage(LogFormat format, std::string_view message, std::string& out);

// Puts time, level and service around what the two functions above made.
std::unique_ptr<spdlog::formatter> MakeLineFormatter(LogFormat format, std::string service);

}  // namespace chasqui::observability
