// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "chasqui/config/v1/router_config.pb.h"
#include "chasqui/inference/v1/generate.pb.h"

namespace chasqui::router {

// What two requests must agree in to get one answer: everything but their ids, priorities, what
// they want told of times, how their answers are remembered, and what has no effect on them. Pure.
inference::v1::GenerateRequest Canonical(
    const inference::v1::GenerateRequest& request,
    const config::v1::PromptNormalizationConfig& normalization);

// The key under which the answer is remembered: SHA-256 over the weights, whose it is, its tags and
// the canonical request. 32 bytes. Pure. A new version of the program may give other keys, which
// are then misses.
std::string AnswerKey(const inference::v1::GenerateRequest& request, std::string_view fingerprint,
                      std::string_view tenant,
                      const config::v1::PromptNormalizationConfig& normalization);

}  // namespace chasqui::router
