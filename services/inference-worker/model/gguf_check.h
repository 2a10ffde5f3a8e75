// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <gguf.h>

#include "absl/status/status.h"

namespace chasqui::worker {

// What libllama takes for granted of a header that gguf.h could read, and ends the process over
// where it does not hold: an assertion while it loads, or a computation that it has no code for.
// INVALID_ARGUMENT names what is wrong. Thread-safe.

// Each tensor: a type that weights can be computed in, which for norms and biases is f32, and a
// whole number of blocks a row.
absl::Status CheckTensors(const std::string& path, const gguf_context* gguf);

// The metadata of a model, not of an adapter: 1 to 512 layers, and tokens that differ.
absl::Status CheckMetadata(const std::string& path, const std::string& architecture,
                           const gguf_context* gguf);

}  // namespace chasqui::worker
