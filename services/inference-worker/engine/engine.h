// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <ggml.h>

#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "services/inference-worker/engine/compute_turns.h"
#include "services/inference-worker/engine/engine_observer.h"
#include "services/inference-worker/engine/generation.h"
#include "services/inference-worker/model/model.h"
#include "services/inference-worker/processors/thread_placement.h"

namespace chasqui::worker {

enum class Choice { kAuto, kOn, kOff };

// The engine's settings: chasqui.config.v1.EngineConfig, whose comments say what each means.
struct EngineOptions {
  std::uint32_t slots = 8;
  std::uint32_t context_tokens = 0;  // of one request; 0: what the model was trained for
  std::uint32_t kv_tokens = 0;       // of all slots; 0: slots x context_tokens, at most 65,536
  std::uint32_t batch_tokens = 2048;
  std::uint32_t micro_batch_tokens = 512;
  std::uint32_t prompt_chunk_tokens = 512;
  // How long a step may take while others generate; 0: as long as prompt_chunk_tokens take.
  time::Duration target_step = std::chrono::milliseconds(50);
  std::uint32_t threads = 0;        // 0: the physical cores this process may use
  std::uint32_t batch_threads = 0;  // 0: as threads
  // Whether all slots share one KV cache, so that one long request may use what others do not; else
  // each has its own part. Auto: see Layout.
  Choice unified_kv = Choice::kAuto;
  int flash_attention = -1;  // llama_flash_attn_type; -1: see Layout
  ggml_type type_k = GGML_TYPE_F16;
  ggml_type type_v = GGML_TYPE_F16;
  bool warm_up = true;
  std::size_t max_buffered_events = 256;
  time::Duration max_pause = std::chrono::seconds(30);
  bool prefix_cache = true;
  std::uint32_t cached_sequences = 8;  // of a unified cache, beside the slots
  std::uint64_t host_cache_bytes = 0;
  time::Duration max_batch_wait{};
  ThreadPlacement placement;  // of the engine's thread and its team
  bool take_turns = true;     // with EngineHooks::turns, if there is no GPU that computes
  std::int32_t gpu_layers = -1;
};

// What an engine is doing, and has done since it was made.
struct EngineLoad {
  std::uint32_t slots = 0;
  std::uint32_t active = 0;
  std::uint32_t active_of_owner = 0;
  std::uint32_t kv_tokens = 0;
  std::uint32_t kv_used_tokens = 0;
  double decode_tokens_per_second = 0;
  double prompt_tokens_per_second = 0;
  std::uint64_t generated_tokens_total = 0;
  std::uint64_t prompt_tokens_total = 0;
  std::uint64_t requests_total = 0;
  std::uint32_t waiting = 0;  // admitted, and set back for want of KV room
  std::uint64_t cached_prompt_tokens_total = 0;
  std::uint64_t preemptions_total = 0;
  std::uint64_t evictions_total = 0;      // prefixes that left the KV cache
  std::uint64_t host_restores_total = 0;  // prefixes brought back from host memory
  std::uint64_t host_cache_bytes = 0;
};

// Told what happens, on the engine's thread unless said otherwise; must not block. Each may be
// empty.
struct EngineHooks {
  // After a step, once: these generations, by the tags given to Submit, have events to take.
  std::function<void(const std::vector<std::uint64_t>& tags)> on_events;
  // A request was admitted (on the thread that submitted it) or has left.
  std::function<void()> on_load_changed;
  // May be nullptr.
  std::shared_ptr<EngineObserver> observer = nullptr;
  // Shared by the engines of the process. nullptr: each computes when it wants; outlives them.
  ComputeTurns* turns = nullptr;
};

// Generates with one model: one thread, sole owner of the context, that steps all running answers
// together. Owned by the model's host. Thread-safe.
class Engine {
 public:
  // Makes the context, warms it up and starts the thread. RESOURCE_EXHAUSTED with libllama's reason
  // when the context cannot be made, FAILED_PRECONDITION when the model does not generate.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(std::shared_ptr<const Model> model,
                                                        const EngineOptions& options,
                                                        EngineHooks hooks);
  virtual ~Engine() = default;  // cancels what runs, joins

  // Takes a slot for the request, or refuses it before any work:
  //   INVALID_ARGUMENT    a token is not in the vocabulary, the grammar does not parse, prompt and
  //                       output do not fit the context (with the counts)
  //   RESOURCE_EXHAUSTED  WORKER_FULL: not enough slots are free for its candidates
  // `tag` names the generation in EngineHooks::on_events.
  virtual absl::StatusOr<std::shared_ptr<Generation>> Submit(GenerationRequest request,
                                                             std::uint64_t tag) = 0;

  // OK, or what Submit would answer for want of a slot: to be asked before the work of making a
  // prompt.
  virtual absl::Status CheckRoom() const = 0;

  virtual EngineLoad Load(std::string_view owner) const = 0;

  // Longest prompt and output of one request, as the context was made.
  virtual std::uint32_t context_tokens() const = 0;
};

}  // namespace chasqui::worker
