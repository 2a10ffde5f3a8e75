// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace chasqui::quantize {

// A file, and the name under which it is written until it is complete.
struct PlannedFile {
  std::string partial;
  std::string complete;

  bool operator==(const PlannedFile&) const = default;
};

// Where a model goes.
struct FilePlan {
  std::string given;               // what libllama is given: a file, or the beginning of its parts
  std::vector<PlannedFile> files;  // the part that is opened first comes last
};

// The files of a model that is to be written as `output`: one, or `parts` of them, named as
// llama.cpp names parts. `mark` tells this process's partial files from others'. Renamed in their
// order, the model can be opened only once all of it is there. Pure.
FilePlan PlanFiles(std::string_view output, int parts, std::string_view mark);

}  // namespace chasqui::quantize
