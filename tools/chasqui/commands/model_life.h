// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/chasqui/commands/command.h"

namespace chasqui::cli {

// Adds `models load` and `models unload`, which tell one worker what to hold in memory.
void AddLoad(CLI::App& models, Choice& choice);
void AddUnload(CLI::App& models, Choice& choice);

// Adds `models estimate`: the memory that a model would take, here or on a worker.
void AddEstimate(CLI::App& models, Choice& choice);

// Adds `models quantize`, which writes a model with weights of another type.
void AddQuantize(CLI::App& models, Choice& choice);

}  // namespace chasqui::cli
