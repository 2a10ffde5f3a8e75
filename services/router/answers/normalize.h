// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "chasqui/config/v1/router_config.pb.h"
#include "chasqui/inference/v1/generate.pb.h"

namespace chasqui::router {

// The text without what does not tell prompts apart. White space is space, tab and line ends. Text
// that is no UTF-8 is left as it is composed. Pure.
std::string Normalize(std::string_view text, const config::v1::PromptNormalizationConfig& config);

// The same in the prompt and in every message of the chat.
void Normalize(const config::v1::PromptNormalizationConfig& config,
               inference::v1::GenerateRequest& request);

}  // namespace chasqui::router
