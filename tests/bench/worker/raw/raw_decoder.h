// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <llama-cpp.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace chasqui::bench {

// One burst of requests of equal length.
struct RawBurst {
  uint32_t concurrent = 1;
  uint32_t prompt_tokens = 128;
  uint32_t generated_tokens = 64;
};

struct RawRates {
  double decode_tokens_per_second = 0;  // after the first token of all
  double total_tokens_per_second = 0;   // prompts and output, over the whole burst
  double cpu_us_per_token = 0;          // generated, the prompts' time included
};

// What the model alone can do: llama_decode with full batches, nothing sampled, nothing sent. The
// bound above every server. Confined to one thread.
class RawDecoder {
 public:
  struct Options {
    std::string model;
    int threads = 1;
    uint32_t context_tokens = 512;  // of each sequence
    uint32_t batch_tokens = 2048;
    uint32_t micro_batch_tokens = 512;
  };

  // INVALID_ARGUMENT when libllama cannot load the file.
  static absl::StatusOr<RawDecoder> Load(Options options);

  absl::StatusOr<RawRates> Run(const RawBurst& burst);

 private:
  RawDecoder(Options options, llama_model_ptr model)
      : options_(std::move(options)), model_(std::move(model)) {}

  absl::StatusOr<llama_context_ptr> MakeContext(uint32_t sequences) const;
  absl::Status DecodePrompts(llama_context* context, const RawBurst& burst);
  absl::Status DecodeStep(llama_context* context, const RawBurst& burst, uint32_t position);
  llama_token NextToken();

  Options options_;
  llama_model_ptr model_;
  uint64_t random_ = 1;
};

}  // namespace chasqui::bench
