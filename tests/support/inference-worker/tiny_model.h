// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "services/inference-worker/model/model.h"

namespace chasqui::worker {

// The model that ships with the project, for tests that need a real one.

// Its file.
std::string TinyModelPath();

// It, loaded once a process, with libllama's back ends.
std::shared_ptr<const Model> TinyModel();

}  // namespace chasqui::worker
