// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/engine_options.h"

#include <algorithm>
#include <string_view>

#include "absl/status/status_macros.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "services/inference-worker/processors/processor_list.h"

namespace chasqui::worker {
namespace {

constexpr std::uint32_t kMostKvTokens = 65'536;

absl::StatusOr<ggml_type> KvType(std::string_view field, std::string_view name) {
  static constexpr ggml_type kTypes[] = {GGML_TYPE_F32,  GGML_TYPE_F16,  GGML_TYPE_BF16,
                                         GGML_TYPE_Q8_0, GGML_TYPE_Q4_0, GGML_TYPE_Q4_1,
                                         GGML_TYPE_Q5_0, GGML_TYPE_Q5_1, GGML_TYPE_IQ4_NL};
  for (const ggml_type type : kTypes) {
    if (name == ggml_type_name(type)) return type;
  }
  return status::InvalidArgument(field, "is no type of the KV cache");
}

int FlashAttention(config::v1::Toggle toggle) {
  switch (toggle) {
    case config::v1::TOGGLE_ON:
      return LLAMA_FLASH_ATTN_TYPE_ENABLED;
    case config::v1::TOGGLE_OFF:
      return LLAMA_FLASH_ATTN_TYPE_DISABLED;
    default:
      return LLAMA_FLASH_ATTN_TYPE_AUTO;
  }
}

Choice ToChoice(config::v1::Toggle toggle) {
  switch (toggle) {
    case config::v1::TOGGLE_ON:
      return Choice::kOn;
    case config::v1::TOGGLE_OFF:
      return Choice::kOff;
    default:
      return Choice::kAuto;
  }
}

llama_split_mode SplitMode(config::v1::SplitMode mode) {
  switch (mode) {
    case config::v1::SPLIT_MODE_NONE:
      return LLAMA_SPLIT_MODE_NONE;
    case config::v1::SPLIT_MODE_ROW:
      return LLAMA_SPLIT_MODE_ROW;
    default:
      return LLAMA_SPLIT_MODE_LAYER;
  }
}

}  // namespace

absl::StatusOr<EngineOptions> ResolveEngineOptions(const config::v1::EngineConfig& config,
                                                   std::uint32_t train_context_tokens) {
  EngineOptions options;
  options.slots = config.slots();
  options.context_tokens =
      config.context_tokens() == 0 ? train_context_tokens : config.context_tokens();
  options.kv_tokens = config.kv_tokens();
  if (options.kv_tokens == 0) {
    const std::uint64_t all = std::uint64_t{options.slots} * options.context_tokens;
    options.kv_tokens = static_cast<std::uint32_t>(std::min<std::uint64_t>(all, kMostKvTokens));
  }
  options.context_tokens = std::min(options.context_tokens, options.kv_tokens);
  options.batch_tokens = config.batch_tokens();
  options.micro_batch_tokens = config.micro_batch_tokens();
  options.prompt_chunk_tokens = config.prompt_chunk_tokens();
  options.threads = config.threads();
  options.batch_threads = config.batch_threads();
  options.unified_kv = ToChoice(config.unified_kv());
  options.flash_attention = FlashAttention(config.flash_attention());
  ABSL_ASSIGN_OR_RETURN(options.type_k, KvType("engine.kv_type_k", config.kv_type_k()));
  ABSL_ASSIGN_OR_RETURN(options.type_v, KvType("engine.kv_type_v", config.kv_type_v()));
  options.warm_up = config.warm_up();
  options.max_buffered_events = config.max_buffered_events();
  options.max_pause = service::ToDuration(config.max_pause());
  options.target_step = service::ToDuration(config.target_inter_token_latency());
  options.prefix_cache = config.prefix_cache();
  options.cached_sequences =
      config.has_cached_sequences() ? config.cached_sequences() : options.slots;
  options.host_cache_bytes = config.host_cache_bytes();
  options.max_batch_wait = service::ToDuration(config.max_batch_wait());
  if (!config.cpu_affinity().empty()) {
    ABSL_ASSIGN_OR_RETURN(options.placement.processors, ParseProcessors(config.cpu_affinity()));
  }
  if (config.has_nice()) options.placement.nice = config.nice();
  options.take_turns = config.take_turns();
  options.gpu_layers = config.gpu_layers();
  return options;
}

LoadOptions ResolveLoadOptions(const config::v1::EngineConfig& config) {
  return {.gpu_layers = config.gpu_layers(),
          .mmap = config.mmap(),
          .mlock = config.mlock(),
          .direct_io = config.direct_io(),
          .split_mode = SplitMode(config.split_mode()),
          .main_gpu = static_cast<std::int32_t>(config.main_gpu()),
          .tensor_split = {config.tensor_split().begin(), config.tensor_split().end()},
          .devices = {config.devices().begin(), config.devices().end()},
          .adapters = {}};
}

}  // namespace chasqui::worker
