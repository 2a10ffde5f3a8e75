// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/raw/raw_decoder.h"

#include <chrono>
#include <utility>

#include <ggml-backend.h>
#include <unistd.h>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/time/clock.h"
#include "tools/load/process_usage.h"

namespace chasqui::bench {
namespace {

constexpr llama_token kFirstWord =
    3 + 256;  // of a synthetic vocabulary: no markers, no single bytes

// Collects tokens and decodes them when it is full.
class Batch {
 public:
  Batch(llama_context* context, uint32_t capacity)
      : context_(context), capacity_(capacity), batch_(llama_batch_init(capacity, 0, 1)) {}
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch() { llama_batch_free(batch_); }

  absl::Status Add(llama_token token, uint32_t position, uint32_t sequence, bool output) {
    const int32_t i = batch_.n_tokens++;
    batch_.token[i] = token;
    batch_.pos[i] = static_cast<llama_pos>(position);
    batch_.n_seq_id[i] = 1;
    batch_.seq_id[i][0] = static_cast<llama_seq_id>(sequence);
    batch_.logits[i] = output ? 1 : 0;
    return static_cast<uint32_t>(batch_.n_tokens) == capacity_ ? Decode() : absl::OkStatus();
  }

  absl::Status Decode() {
    if (batch_.n_tokens == 0) return absl::OkStatus();
    const int result = llama_decode(context_, batch_);
    if (result != 0) return absl::InternalError(absl::StrCat("llama_decode gives ", result));
    llama_synchronize(context_);
    batch_.n_tokens = 0;
    return absl::OkStatus();
  }

 private:
  llama_context* const context_;
  const uint32_t capacity_;
  llama_batch batch_;
};

}  // namespace

absl::StatusOr<RawDecoder> RawDecoder::Load(Options options) {
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  ggml_backend_load_all();
  llama_model_ptr model(
      llama_model_load_from_file(options.model.c_str(), llama_model_default_params()));
  if (model == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("libllama cannot load ", options.model));
  }
  return RawDecoder(std::move(options), std::move(model));
}

absl::StatusOr<llama_context_ptr> RawDecoder::MakeContext(uint32_t sequences) const {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = options_.context_tokens * sequences;
  params.n_seq_max = sequences;
  params.n_batch = options_.batch_tokens;
  params.n_ubatch = options_.micro_batch_tokens;
  params.n_outputs_max = sequences;
  params.n_threads = options_.threads;
  params.n_threads_batch = options_.threads;
  llama_context_ptr context(llama_init_from_model(model_.get(), params));
  if (context == nullptr) return absl::InternalError("libllama makes no context");
  return context;
}

llama_token RawDecoder::NextToken() {
  random_ = random_ * 6364136223846793005 + 1442695040888963407;
  const int32_t words = llama_vocab_n_tokens(llama_model_get_vocab(model_.get())) - kFirstWord;
  return kFirstWord + static_cast<llama_token>((random_ >> 33) % static_cast<uint64_t>(words));
}

absl::Status RawDecoder::DecodePrompts(llama_context* context, const RawBurst& burst) {
  Batch batch(context, options_.batch_tokens);
  for (uint32_t sequence = 0; sequence < burst.concurrent; ++sequence) {
    for (uint32_t position = 0; position < burst.prompt_tokens; ++position) {
      const bool last = position + 1 == burst.prompt_tokens;
      ABSL_RETURN_IF_ERROR(batch.Add(NextToken(), position, sequence, last));
    }
  }
  return batch.Decode();
}

absl::Status RawDecoder::DecodeStep(llama_context* context, const RawBurst& burst,
                                    uint32_t position) {
  Batch batch(context, burst.concurrent);
  for (uint32_t sequence = 0; sequence < burst.concurrent; ++sequence) {
    ABSL_RETURN_IF_ERROR(batch.Add(NextToken(), position, sequence, true));
  }
  return batch.Decode();
}

absl::StatusOr<RawRates> RawDecoder::Run(const RawBurst& burst) {
  ABSL_ASSIGN_OR_RETURN(const llama_context_ptr context, MakeContext(burst.concurrent));
  const std::vector<int> self = {getpid()};
  ABSL_ASSIGN_OR_RETURN(const load::ProcessUsage before, load::ReadUsage(self));
  const time::SteadyTime begin = time::SteadyNow();
  ABSL_RETURN_IF_ERROR(DecodePrompts(context.get(), burst));
  // The prompts' last step gave the first token of each; the others take a step each.
  const time::SteadyTime first_token = time::SteadyNow();
  const uint32_t steps = burst.generated_tokens - 1;
  for (uint32_t step = 0; step < steps; ++step) {
    ABSL_RETURN_IF_ERROR(DecodeStep(context.get(), burst, burst.prompt_tokens + step));
  }
  const time::SteadyTime end = time::SteadyNow();
  ABSL_ASSIGN_OR_RETURN(const load::ProcessUsage after, load::ReadUsage(self));
  const auto rate = [&burst](uint32_t tokens, time::Duration duration) {
    return static_cast<double>(tokens) * burst.concurrent /
           std::chrono::duration<double>(duration).count();
  };
  return RawRates{
      .decode_tokens_per_second = rate(steps, end - first_token),
      .total_tokens_per_second = rate(burst.prompt_tokens + burst.generated_tokens, end - begin),
      .cpu_us_per_token =
          std::chrono::duration<double, std::micro>(after.cpu - before.cpu).count() /
          (static_cast<double>(burst.generated_tokens) * burst.concurrent)};
}

}  // namespace chasqui::bench
