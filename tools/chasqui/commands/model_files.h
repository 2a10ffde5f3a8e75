// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"
#include "tools/chasqui/commands/command.h"

namespace chasqui::cli {

// What a GGUF file says about itself, on standard output. No server is asked.
absl::Status InspectFile(const std::string& path, bool json);

// Adds `models synth`, which writes a model of random weights.
void AddSynth(CLI::App& models, Choice& choice);

}  // namespace chasqui::cli
