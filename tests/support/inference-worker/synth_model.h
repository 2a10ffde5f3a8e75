// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "services/inference-worker/model/model.h"
#include "tools/synth/kind.h"

namespace chasqui::worker {

// Small models of random weights, for tests of what the model that ships is not: embedders and
// rerankers.

// The file of one, written at the first call in a process.
std::string SynthModelPath(synth::ModelKind kind);

// It, loaded once a process, with libllama's back ends.
std::shared_ptr<const Model> SynthModel(synth::ModelKind kind);

}  // namespace chasqui::worker
