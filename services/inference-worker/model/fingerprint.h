// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/inference-worker/model/gguf_file.h"

namespace chasqui::worker {

// Identity of a model's weights and tokenizer, 32 hexadecimal characters: SHA-256, cut in half,
// over the size and the whole header of each part (metadata, tokenizer, names, shapes and types of
// the tensors) and over its weights: all of them up to 64 MiB, else 256 blocks of 64 KiB at even
// distances with the last one at the end. Reading a model of 70 GB whole would take longer than
// loading it, and two models that differ in training differ in every block. UNAVAILABLE when a file
// cannot be read. Thread-safe; blocks on the disk.
absl::StatusOr<std::string> Fingerprint(const GgufFacts& facts);

// A text's, in the same form. Pure.
std::string FingerprintOf(std::string_view text);

}  // namespace chasqui::worker
