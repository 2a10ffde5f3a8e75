// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "services/inference-worker/engine/decode_context.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/engine/engine_meter.h"

namespace chasqui::worker {

// Computes a little with an empty context, and leaves it empty, so that the first requests do not
// pay for what is done once: a GPU's driver compiles a kernel for each size of step when it first
// meets it, up to half a second each. Tells `meter` what steps cost. `await_turn` is called before
// each step. On the engine's thread.
absl::Status WarmUp(DecodeContext& context, const EngineOptions& options, EngineMeter& meter,
                    absl::FunctionRef<void()> await_turn);

}  // namespace chasqui::worker
