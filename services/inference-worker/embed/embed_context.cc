// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/embed/embed_context.h"

#include <algorithm>
#include <exception>
#include <string>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/inference-worker/engine/processor_cores.h"
#include "services/inference-worker/model/backend.h"

namespace chasqui::worker {
namespace {

struct FreeBatch {
  llama_batch batch;
  ~FreeBatch() { llama_batch_free(batch); }
};

llama_context_params Params(const Model& model, const EngineOptions& options,
                            enum llama_pooling_type pooling) {
  llama_context_params params = llama_context_default_params();
  const std::uint32_t tokens = MostEmbedTokens(model, options);
  params.n_ctx = tokens;
  params.n_batch = tokens;
  params.n_ubatch = tokens;
  params.n_seq_max = std::min(EmbedContext::kMostInputs, tokens);
  params.kv_unified = true;
  const std::uint32_t threads = options.batch_threads > 0 ? options.batch_threads
                                : options.threads > 0     ? options.threads
                                                          : AvailableCores();
  params.n_threads = params.n_threads_batch = static_cast<std::int32_t>(threads);
  params.embeddings = true;
  params.pooling_type = pooling;
  params.no_perf = true;
  return params;
}

absl::StatusOr<llama_context_ptr> Make(const Model& model, const EngineOptions& options,
                                       enum llama_pooling_type pooling) {
  std::string reason;
  try {
    const LogCapture capture;
    llama_context_ptr context(llama_init_from_model(model.get(), Params(model, options, pooling)));
    if (context) return context;
    reason = capture.Reason();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  return status::Error(absl::StatusCode::kResourceExhausted, "CONTEXT",
                       absl::StrCat("the context for embeddings cannot be made: ", reason));
}

}  // namespace

std::uint32_t MostEmbedTokens(const Model& model, const EngineOptions& options) {
  const std::uint32_t train = model.facts().train_context_tokens;
  const std::uint32_t context =
      options.context_tokens > 0 ? std::min(options.context_tokens, train) : train;
  return std::max(1U, std::min(context, options.batch_tokens));
}

absl::StatusOr<std::unique_ptr<EmbedContext>> EmbedContext::Create(
    const Model& model, const EngineOptions& options, enum llama_pooling_type pooling) {
  ABSL_ASSIGN_OR_RETURN(auto context, Make(model, options, pooling));
  std::size_t length = static_cast<std::size_t>(llama_model_n_embd_out(model.get()));
  switch (llama_pooling_type(context.get())) {
    case LLAMA_POOLING_TYPE_NONE:  // the model has none of its own
      return Create(model, options, LLAMA_POOLING_TYPE_MEAN);
    case LLAMA_POOLING_TYPE_RANK:
      length = llama_model_n_cls_out(model.get());
      break;
    default:
      break;
  }
  if (length == 0) return absl::InternalError("libllama tells no length of the model's vectors");
  return std::unique_ptr<EmbedContext>(new EmbedContext(std::move(context), length));
}

absl::Status EmbedContext::Compute(std::span<const TokenIds> inputs) {
  std::size_t count = 0;
  for (const auto& input : inputs) count += input.size();
  FreeBatch owner{llama_batch_init(static_cast<std::int32_t>(count), 0, 1)};
  llama_batch& batch = owner.batch;
  for (std::size_t sequence = 0; sequence < inputs.size(); ++sequence) {
    for (std::size_t position = 0; position < inputs[sequence].size(); ++position) {
      const std::int32_t i = batch.n_tokens++;
      batch.token[i] = inputs[sequence][position];
      batch.pos[i] = static_cast<llama_pos>(position);
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = static_cast<llama_seq_id>(sequence);
      batch.logits[i] = 1;  // pooling is over the outputs
    }
  }
  int result = -1;
  std::string reason;
  try {
    const LogCapture capture;
    // Models without a cache, such as BERT, only encode.
    llama_memory_t memory = llama_get_memory(context_.get());
    if (memory != nullptr) llama_memory_clear(memory, false);
    result = memory != nullptr ? llama_decode(context_.get(), batch)
                               : llama_encode(context_.get(), batch);
    reason = capture.Reason();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  if (result == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("libllama could not compute embeddings (", result, "): ", reason));
}

absl::StatusOr<std::vector<std::vector<float>>> EmbedContext::Embed(
    std::span<const TokenIds> inputs) {
  ABSL_RETURN_IF_ERROR(Compute(inputs));
  std::vector<std::vector<float>> vectors;
  for (std::size_t sequence = 0; sequence < inputs.size(); ++sequence) {
    const float* values =
        llama_get_embeddings_seq(context_.get(), static_cast<llama_seq_id>(sequence));
    if (values == nullptr) return absl::InternalError("libllama gave no embedding");
    vectors.emplace_back(values, values + length_);
  }
  return vectors;
}

}  // namespace chasqui::worker
