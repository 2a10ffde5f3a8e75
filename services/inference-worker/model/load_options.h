// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <llama.h>

#include "absl/status/statusor.h"
#include "services/inference-worker/model/adapter.h"

namespace chasqui::worker {

// How the weights are brought into memory, and where: the fields of chasqui.config.v1.EngineConfig
// of the same names, whose comments say what each means.
struct LoadOptions {
  std::int32_t gpu_layers = -1;  // -1: all
  bool mmap = true;
  bool mlock = false;
  bool direct_io = false;
  llama_split_mode split_mode = LLAMA_SPLIT_MODE_LAYER;
  std::int32_t main_gpu = 0;
  std::vector<float> tensor_split;    // empty: by free memory
  std::vector<std::string> devices;   // empty: all GPUs
  std::vector<AdapterFile> adapters;  // of ModelConfig
};

// libllama has one way of loading where the settings are three: reading around the page cache
// excludes mapping; locking goes with both mapping and reading, not with direct I/O, which Validate
// refuses together. Pure.
llama_load_mode ChooseLoadMode(const LoadOptions& options);

// The devices of these names, ended by a null pointer as libllama wants it. The processor computes
// what no other device does and is left out: its name alone means no GPU. INVALID_ARGUMENT for a
// name that there is not, telling those there are. Thread-safe.
absl::StatusOr<std::vector<ggml_backend_dev_t>> FindDevices(std::span<const std::string> names);

// The parts of the devices, as many as libllama reads: the rest get nothing. INVALID_ARGUMENT when
// there are more parts than devices can be, one is negative, or none is above 0. Pure.
absl::StatusOr<std::vector<float>> PadTensorSplit(std::span<const float> parts,
                                                  std::size_t devices);

}  // namespace chasqui::worker
