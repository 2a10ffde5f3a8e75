// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/chasqui/commands/command.h"

namespace chasqui::cli {

// Adds `up`, which runs a suite on this machine.
void AddUp(CLI::App& app, Choice& choice);

}  // namespace chasqui::cli
