// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/quantize/plan_files.h"
#include "tools/quantize/quantize_type.h"

// GGUF models with weights of another type.
namespace chasqui::quantize {

// What to write.
struct QuantizeOptions {
  std::filesystem::path input;  // the first part of a split model
  std::filesystem::path output;
  QuantizeType type;
  std::optional<ggml_type> output_type;           // of output.weight; unset: as the type has it
  std::optional<ggml_type> token_embedding_type;  // unset: as the type has it
  bool pure = false;                              // all matrices of the very same type
  bool allow_requantize = false;                  // weights that were quantised before, at a loss
  bool keep_split = false;                        // as many parts as the input; else one file
  std::vector<std::int32_t> prune_layers;         // left out, from 0
  std::uint32_t threads = 0;                      // 0: one for each core
  bool replace = false;                           // an output that is there
  // Told the part done, 0 to 1, and the tensor at work; may be empty.
  std::function<void(double, const std::string&)> progress;
};

// What comes, or came, of it. The bytes are those of the weights.
struct QuantizeSummary {
  std::vector<std::string> files;
  std::uint32_t tensors = 0;
  std::uint64_t input_bytes = 0;
  std::uint64_t output_bytes = 0;  // to some KiB
};

// One quantising, between its check and its end. Takes what libllama logs meanwhile: do not load
// models at the same time. Confined to one thread, but for RemovePartialFiles().
class Quantizer {
 public:
  // Checks all that can be checked before the work, and lets libllama compute the sizes.
  //   NOT_FOUND, PERMISSION_DENIED...  the input cannot be read
  //   INVALID_ARGUMENT     the input is no GGUF file or damaged, or an option is wrong
  //   ALREADY_EXISTS       the output is there and is not to be replaced
  //   FAILED_PRECONDITION  the weights were quantised before, or the type wants an importance
  //   matrix RESOURCE_EXHAUSTED   the disk has not the room
  static absl::StatusOr<Quantizer> Prepare(QuantizeOptions options);

  // As Run() will have it.
  const QuantizeSummary& summary() const { return summary_; }

  // Writes the model; blocks. The output appears once it is complete, or not at all. As Prepare();
  // INTERNAL when libllama fails for another reason.
  absl::StatusOr<QuantizeSummary> Run();

  // Removes what an unfinished Run() has written. May be called from another thread, when the
  // process is about to end.
  void RemovePartialFiles() const;

 private:
  Quantizer(QuantizeOptions options, FilePlan plan)
      : options_(std::move(options)), plan_(std::move(plan)) {}

  absl::Status Call(bool dry_run);

  QuantizeOptions options_;
  FilePlan plan_;
  QuantizeSummary summary_;
};

}  // namespace chasqui::quantize
