// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "tools/chasqui/client/connection.h"
#include "tools/chasqui/output/answer_printer.h"

namespace chasqui::cli {

// Streams the answer to `request` into `printer`, until it is complete, fails or Ctrl-C cancels it.
absl::Status StreamAnswer(const Connection& connection,
                          const chasqui::inference::v1::GenerateRequest& request,
                          AnswerPrinter& printer);

// Adds a message of one text part.
void AddMessage(chasqui::inference::v1::Role role, std::string_view text,
                chasqui::inference::v1::ChatInput& chat);

}  // namespace chasqui::cli
