// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "chasqui/inference/v1/generate.pb.h"
#include "chasqui/inference/v1/model.pb.h"

namespace chasqui::mock_worker {

// The description of the model that a mock worker pretends to hold. The same name gives the same
// fingerprint on every mock worker.
inference::v1::Model DescribeModel(std::string_view name, uint32_t slots);

// The text of a request's input: the prompt, the last message of a chat, or the ids of tokens.
std::string InputText(const inference::v1::GenerateRequest& request);

}  // namespace chasqui::mock_worker
