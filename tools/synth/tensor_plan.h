// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/synth/kind.h"
#include "tools/synth/shape.h"

namespace chasqui::synth {

// A tensor to come. `columns` is the dimension that lies together in memory.
struct TensorPlan {
  std::string name;
  int64_t columns;
  int64_t rows;        // 0: a vector
  float deviation;     // of the weights; 0: all are 1
  bool exact = false;  // never of fewer than 32 bits: libllama adds it as it is

  int64_t size() const { return columns * std::max<int64_t>(rows, 1); }
};

// The tensors that libllama wants of a model, in the file's order. Pure.
std::vector<TensorPlan> PlanTensors(ModelKind kind, const ModelShape& shape);

}  // namespace chasqui::synth
