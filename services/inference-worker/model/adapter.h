// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <llama.h>

#include "absl/status/statusor.h"
#include "services/inference-worker/model/gguf_file.h"

namespace chasqui::worker {

// A file with an adapter of low rank (LoRA) for a model.
struct AdapterFile {
  std::string name;  // by which requests ask for it; unique in the model
  std::string path;
  float scale = 1.0F;  // its strength where a request does not say

  bool operator==(const AdapterFile&) const = default;
};

// An adapter in memory. The model owns it.
struct Adapter {
  std::string name;
  float scale = 1.0F;
  llama_adapter_lora* lora = nullptr;
};

// The header of the file, once it is known to hold a LoRA adapter for models of the architecture
// that `model` has. NOT_FOUND, or INVALID_ARGUMENT with adapter, model, path and reason.
// Thread-safe; blocks on the disk.
absl::StatusOr<GgufFacts> InspectAdapter(const AdapterFile& file, const GgufFacts& model);

// Reads the adapters into memory, sorted by name; `model` is the one of `gguf`, and frees them.
//   NOT_FOUND, INVALID_ARGUMENT  as InspectAdapter, or the tensors are not the model's
//   UNIMPLEMENTED                the adapter is to work only behind certain tokens (aLoRA)
// Blocks on the disk; for one thread.
absl::StatusOr<std::vector<Adapter>> LoadAdapters(std::span<const AdapterFile> files,
                                                  const GgufFacts& gguf, llama_model* model);

// The fingerprint of a model with these adapters: equal ones give equal tokens to equal requests,
// whichever adapters these ask for. That of the model where there are none. UNAVAILABLE when a file
// cannot be read. Thread-safe; blocks on the disk.
absl::StatusOr<std::string> FingerprintWith(const std::string& fingerprint,
                                            std::span<const AdapterFile> files,
                                            const GgufFacts& model);

}  // namespace chasqui::worker
