// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/decode_context.h"

#include <algorithm>
#include <exception>
#include <numeric>
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

llama_context_params Params(const Model& model, const EngineOptions& options) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = KvTokens(model, options);
  params.n_batch = options.batch_tokens;
  params.n_ubatch = std::min(options.micro_batch_tokens, options.batch_tokens);
  const std::uint32_t threads =
      options.threads > 0 ? options.threads : AvailableCores(options.placement.processors);
  params.n_threads = static_cast<std::int32_t>(threads);
  params.n_threads_batch =
      static_cast<std::int32_t>(options.batch_threads > 0 ? options.batch_threads : threads);
  const Layout layout = ChooseLayout(options, OnGpu(options));
  params.flash_attn_type = layout.flash_attention;
  params.type_k = options.type_k;
  params.type_v = options.type_v;
  params.kv_unified = layout.unified_kv;
  params.n_seq_max = CountSequences(options, OnGpu(options));
  params.n_outputs_max = params.n_seq_max;  // libllama takes no less
  params.no_perf = true;
  return params;
}

}  // namespace

bool OnGpu(const EngineOptions& options) {
  return options.gpu_layers != 0 &&
         std::ranges::any_of(Backend::Devices(), [](const DeviceInfo& device) {
           return device.type == GGML_BACKEND_DEVICE_TYPE_GPU ||
                  device.type == GGML_BACKEND_DEVICE_TYPE_IGPU;
         });
}

std::uint32_t CountSequences(const EngineOptions& options, bool on_gpu) {
  // In a cache of parts each sequence has its share of the memory, and free slots keep prefixes.
  if (!ChooseLayout(options, on_gpu).unified_kv) return options.slots;
  const std::uint32_t kept = options.prefix_cache ? options.cached_sequences : 0;
  return std::min(options.slots + kept, static_cast<std::uint32_t>(llama_max_parallel_sequences()));
}

Layout ChooseLayout(const EngineOptions& options, bool on_gpu) {
  Layout layout;
  layout.flash_attention = static_cast<llama_flash_attn_type>(options.flash_attention);
  if (layout.flash_attention == LLAMA_FLASH_ATTN_TYPE_AUTO && ggml_is_quantized(options.type_v))
    layout.flash_attention = LLAMA_FLASH_ATTN_TYPE_ENABLED;
  if (layout.flash_attention == LLAMA_FLASH_ATTN_TYPE_AUTO && !on_gpu)
    layout.flash_attention = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  const bool scarce = options.kv_tokens < std::uint64_t{options.slots} * options.context_tokens;
  layout.unified_kv =
      options.unified_kv == Choice::kAuto ? on_gpu && scarce : options.unified_kv == Choice::kOn;
  return layout;
}

std::unique_ptr<ComputeTurns::Member> JoinTurns(ComputeTurns* turns, const EngineOptions& options,
                                                std::span<const int> processors) {
  if (turns == nullptr || !options.take_turns) return nullptr;
  if (OnGpu(options)) return nullptr;
  return turns->Join(processors);
}

absl::StatusOr<std::unique_ptr<DecodeContext>> DecodeContext::Create(const Model& model,
                                                                     const EngineOptions& options) {
  std::string reason;
  try {
    const LogCapture capture;
    const llama_context_params params = Params(model, options);
    llama_context_ptr context(llama_init_from_model(model.get(), params));
    if (context) {
      return std::unique_ptr<DecodeContext>(
          new DecodeContext(std::move(context), model, options, params));
    }
    reason = capture.Reason();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  return status::Error(absl::StatusCode::kResourceExhausted, "CONTEXT",
                       absl::StrCat("the model's context cannot be made: ", reason));
}

DecodeContext::DecodeContext(llama_context_ptr context, const Model& model,
                             const EngineOptions& options, const llama_context_params& params)
    : context_(std::move(context)),
      memory_(llama_get_memory(context_.get())),
      vocabulary_size_(model.vocabulary().size()),
      sequences_(params.n_seq_max),
      unified_(params.kv_unified),
      on_gpu_(OnGpu(options)),
      // A running state has no prefixes.
      can_share_(!llama_model_is_recurrent(model.get()) && !llama_model_is_hybrid(model.get())) {
  // Asked for and made can differ: libllama rounds, and divides what is not unified.
  kv_tokens_ = llama_n_ctx(context_.get());
  const std::uint32_t train = model.facts().train_context_tokens;
  const std::uint32_t wanted = options.context_tokens > 0 ? options.context_tokens : train;
  context_tokens_ = std::min(wanted, llama_n_ctx_seq(context_.get()));

  const std::size_t most = options.batch_tokens;
  for (auto* numbers : {&tokens_, &positions_, &sequence_counts_, &ids_}) numbers->reserve(most);
  id_pointers_.reserve(most);
  samples_.reserve(most);
}

void DecodeContext::Fill(std::span<const DecodePart> parts) {
  for (auto* numbers : {&tokens_, &positions_, &sequence_counts_, &ids_}) numbers->clear();
  samples_.clear();
  id_pointers_.clear();
  // In the order of the sequences: of a cache of parts, libllama computes those together whose
  // numbers follow one another.
  order_.resize(parts.size());
  std::iota(order_.begin(), order_.end(), 0);
  std::ranges::sort(order_, {}, [&](std::size_t i) { return parts[i].sequence; });
  last_.resize(parts.size());
  for (const std::size_t i : order_) {
    const DecodePart& part = parts[i];
    for (std::size_t k = 0; k < part.tokens.size(); ++k) {
      tokens_.push_back(part.tokens[k]);
      positions_.push_back(static_cast<llama_pos>(part.position + k));
      sequence_counts_.push_back(1);
      ids_.push_back(static_cast<llama_seq_id>(part.sequence));
      samples_.push_back(part.samples && k + 1 == part.tokens.size() ? 1 : 0);
    }
    last_[i] = static_cast<std::int32_t>(tokens_.size()) - 1;
  }
  for (auto& id : ids_) id_pointers_.push_back(&id);
}

absl::Status DecodeContext::Decode(std::span<const DecodePart> parts,
                                   absl::FunctionRef<bool()> abort) {
  Fill(parts);
  llama_batch batch{};
  batch.n_tokens = static_cast<std::int32_t>(tokens_.size());
  batch.token = tokens_.data();
  batch.pos = positions_.data();
  batch.n_seq_id = sequence_counts_.data();
  batch.seq_id = id_pointers_.data();
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
  switch (result) {
    case 0:
      return absl::OkStatus();
    case 1:
      return absl::ResourceExhaustedError("the KV cache has no room for the step");
    case 2:
      return absl::CancelledError("the step was aborted");
    default:
      return absl::InternalError(
          absl::StrCat("libllama could not compute a step (", result, "): ", reason));
  }
}

std::span<float> DecodeContext::Logits(std::size_t index) {
  return {llama_get_logits_ith(context_.get(), last_[index]), vocabulary_size_};
}

bool DecodeContext::SetAdapters(const std::vector<AppliedAdapter>& adapters) {
  std::vector<llama_adapter_lora*> pointers;
  std::vector<float> scales;
  for (const auto& [adapter, scale] : adapters) {
    pointers.push_back(adapter);
    scales.push_back(scale);
  }
  return llama_set_adapters_lora(context_.get(), pointers.data(), pointers.size(), scales.data()) ==
         0;
}

bool DecodeContext::can_shift() const { return llama_memory_can_shift(memory_); }

void DecodeContext::Remove(std::uint32_t sequence) {
  llama_memory_seq_rm(memory_, static_cast<llama_seq_id>(sequence), -1, -1);
}

// Whether the sequence has its cells from the first on: a sliding window drops the oldest.
bool DecodeContext::Whole(std::uint32_t sequence) const {
  return llama_memory_seq_pos_min(memory_, static_cast<llama_seq_id>(sequence)) <= 0;
}

bool DecodeContext::Keep(std::uint32_t sequence, std::uint32_t tokens) {
  const auto id = static_cast<llama_seq_id>(sequence);
  if (Whole(sequence) && llama_memory_seq_rm(memory_, id, static_cast<llama_pos>(tokens), -1))
    return true;
  Remove(sequence);
  return false;
}

bool DecodeContext::Share(std::uint32_t from, std::uint32_t to, std::uint32_t tokens) {
  if (!Whole(from)) return false;
  llama_memory_seq_cp(memory_, static_cast<llama_seq_id>(from), static_cast<llama_seq_id>(to), 0,
                      static_cast<llama_pos>(tokens));
  return true;
}

std::uint64_t DecodeContext::SavedSize(std::uint32_t sequence) {
  return llama_state_seq_get_size(context_.get(), static_cast<llama_seq_id>(sequence));
}

std::vector<std::uint8_t> DecodeContext::Save(std::uint32_t sequence) {
  try {
    std::vector<std::uint8_t> state(SavedSize(sequence));
    const std::size_t written = llama_state_seq_get_data(context_.get(), state.data(), state.size(),
                                                         static_cast<llama_seq_id>(sequence));
    state.resize(written);
    return state;
  } catch (const std::exception&) {
    return {};
  }
}

bool DecodeContext::Restore(std::uint32_t sequence, std::span<const std::uint8_t> state) {
  try {
    const LogCapture capture;
    if (llama_state_seq_set_data(context_.get(), state.data(), state.size(),
                                 static_cast<llama_seq_id>(sequence)) > 0) {
      return true;
    }
  } catch (const std::exception&) {
    // As below: libllama may have read a part of it.
  }
  Remove(sequence);
  return false;
}

bool DecodeContext::Shift(std::uint32_t sequence, std::uint32_t keep, std::uint32_t count) {
  const auto id = static_cast<llama_seq_id>(sequence);
  const auto from = static_cast<llama_pos>(keep);
  const auto to = static_cast<llama_pos>(keep + count);
  if (!llama_memory_seq_rm(memory_, id, from, to)) return false;
  llama_memory_seq_add(memory_, id, to, -1, -static_cast<llama_pos>(count));
  return true;
}

}  // namespace chasqui::worker
