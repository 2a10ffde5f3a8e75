// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/decode_context.h"

#include <algorithm>
#include <exception>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/inference-worker/engine/processor_cores.h"
#include "services/inference-worker/model/backend.h"

namespace chasqui::worker {
namespace {

constexpr std::uint32_t kMostDefaultKvTokens = 65'536;

std::uint32_t KvTokens(const Model& model, const EngineOptions& options) {
  if (options.kv_tokens > 0) return options.kv_tokens;
  const std::uint64_t context =
      options.context_tokens > 0 ? options.context_tokens : model.facts().train_context_tokens;
  // With less than one request's context no request could use it.
  const std::uint64_t most = std::max<std::uint64_t>(kMostDefaultKvTokens, options.context_tokens);
  return static_cast<std::uint32_t>(std::min(context * options.slots, most));
}

bool HasGpu() {
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    const auto type = ggml_backend_dev_type(ggml_backend_dev_get(i));
    if (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU) return true;
  }
  return false;
}

llama_context_params Params(const Model& model, const EngineOptions& options) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = KvTokens(model, options);
  params.n_batch = options.batch_tokens;
  params.n_ubatch = std::min(options.micro_batch_tokens, options.batch_tokens);
  params.n_seq_max = options.slots;
  params.n_outputs_max = options.slots;
  const std::uint32_t threads = options.threads > 0 ? options.threads : AvailableCores();
  params.n_threads = static_cast<std::int32_t>(threads);
  params.n_threads_batch =
      static_cast<std::int32_t>(options.batch_threads > 0 ? options.batch_threads : threads);
  const Layout layout = ChooseLayout(options, HasGpu());
  params.flash_attn_type = layout.flash_attention;
  params.type_k = options.type_k;
  params.type_v = options.type_v;
  params.kv_unified = layout.unified_kv;
  params.no_perf = true;
  return params;
}

}  // namespace

Layout ChooseLayout(const EngineOptions& options, bool has_gpu) {
  Layout layout;
  layout.flash_attention = static_cast<llama_flash_attn_type>(options.flash_attention);
  if (layout.flash_attention == LLAMA_FLASH_ATTN_TYPE_AUTO && ggml_is_quantized(options.type_v))
    layout.flash_attention = LLAMA_FLASH_ATTN_TYPE_ENABLED;
  if (layout.flash_attention == LLAMA_FLASH_ATTN_TYPE_AUTO && !has_gpu)
    layout.flash_attention = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  const bool exact = layout.flash_attention == LLAMA_FLASH_ATTN_TYPE_DISABLED && !has_gpu;
  layout.unified_kv =
      options.unified_kv == Choice::kAuto ? !exact : options.unified_kv == Choice::kOn;
  return layout;
}

absl::StatusOr<std::unique_ptr<DecodeContext>> DecodeContext::Create(const Model& model,
                                                                     const EngineOptions& options) {
  std::string reason;
  try {
    const LogCapture capture;
    llama_context_ptr context(llama_init_from_model(model.get(), Params(model, options)));
    if (context)
      return std::unique_ptr<DecodeContext>(new DecodeContext(std::move(context), model, options));
    reason = capture.Reason();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  return status::Error(absl::StatusCode::kResourceExhausted, "CONTEXT",
                       absl::StrCat("the model's context cannot be made: ", reason));
}

DecodeContext::DecodeContext(llama_context_ptr context, const Model& model,
                             const EngineOptions& options)
    : context_(std::move(context)), vocabulary_size_(model.vocabulary().size()) {
  // Asked for and made can differ: libllama rounds, and divides what is not unified.
  kv_tokens_ = llama_n_ctx(context_.get());
  const std::uint32_t train = model.facts().train_context_tokens;
  const std::uint32_t wanted = options.context_tokens > 0 ? options.context_tokens : train;
  context_tokens_ = std::min(wanted, llama_n_ctx_seq(context_.get()));

  const std::size_t most = options.batch_tokens;
  for (auto* numbers : {&tokens_, &positions_, &sequence_counts_, &slots_}) numbers->reserve(most);
  slot_pointers_.reserve(most);
  samples_.reserve(most);
}

void DecodeContext::Add(TokenId token, std::uint32_t position, std::uint32_t slot, bool samples) {
  tokens_.push_back(token);
  positions_.push_back(static_cast<llama_pos>(position));
  sequence_counts_.push_back(1);
  slots_.push_back(static_cast<llama_seq_id>(slot));
  samples_.push_back(samples ? 1 : 0);
}

absl::Status DecodeContext::Decode(std::span<const DecodePart> parts,
                                   absl::FunctionRef<bool()> abort) {
  for (auto* numbers : {&tokens_, &positions_, &sequence_counts_, &slots_, &last_})
    numbers->clear();
  samples_.clear();
  for (const auto& part : parts) {
    for (std::size_t i = 0; i < part.tokens.size(); ++i) {
      Add(part.tokens[i], part.position + static_cast<std::uint32_t>(i), part.slot,
          part.samples && i + 1 == part.tokens.size());
    }
    last_.push_back(static_cast<std::int32_t>(tokens_.size()) - 1);
  }
  slot_pointers_.clear();
  for (auto& slot : slots_) slot_pointers_.push_back(&slot);

  llama_batch batch{};
  batch.n_tokens = static_cast<std::int32_t>(tokens_.size());
  batch.token = tokens_.data();
  batch.pos = positions_.data();
  batch.n_seq_id = sequence_counts_.data();
  batch.seq_id = slot_pointers_.data();
  batch.logits = samples_.data();

  llama_set_abort_callback(
      context_.get(),
      [](void* state) { return (*static_cast<absl::FunctionRef<bool()>*>(state))(); }, &abort);
  int result = -1;
  std::string reason;
  try {
    const LogCapture capture;
    result = llama_decode(context_.get(), batch);
    reason = capture.Reason();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  llama_set_abort_callback(context_.get(), nullptr, nullptr);
  if (result == 0) return absl::OkStatus();
  if (result == 2) return absl::CancelledError("the step was aborted");
  return absl::InternalError(
      absl::StrCat("libllama could not compute a step (", result, "): ", reason));
}

std::span<float> DecodeContext::Logits(std::size_t index) {
  return {llama_get_logits_ith(context_.get(), last_[index]), vocabulary_size_};
}

void DecodeContext::Remove(std::uint32_t slot) {
  llama_memory_seq_rm(llama_get_memory(context_.get()), static_cast<llama_seq_id>(slot), -1, -1);
}

}  // namespace chasqui::worker
