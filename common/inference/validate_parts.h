// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "chasqui/inference/v1/chat.pb.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "chasqui/inference/v1/sampling.pb.h"
#include "common/inference/violations.h"

// The parts of validate.h: each adds to `violations` what is wrong with one message. `path` is the
// message's own path in the request, such as "chat". Pure and thread-safe.
namespace chasqui::inference {

inline constexpr std::size_t kMaxTextBytes = std::size_t{4} << 20;
inline constexpr std::size_t kMaxTokenIds = std::size_t{1} << 20;

void CheckSampling(const v1::SamplingOptions& sampling, std::string_view path,
                   Violations& violations);
void CheckStop(const v1::StopOptions& stop, std::string_view path, Violations& violations);
void CheckOutputFormat(const v1::OutputFormat& format, std::string_view path,
                       Violations& violations);
void CheckChat(const v1::ChatInput& chat, std::string_view path, Violations& violations);
// Tools and tool_choice; answers how many bytes of text the tools have.
std::size_t CheckTools(const v1::ChatInput& chat, std::string_view path, Violations& violations);
void CheckToolName(std::string_view name, const std::string& field, Violations& violations);
// An object as JSON text, or nothing.
void CheckJsonObject(std::string_view text, const std::string& field, Violations& violations);
void CheckTokens(const v1::TokenInput& tokens, std::string_view path, Violations& violations);

}  // namespace chasqui::inference
