// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <llama-cpp.h>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/model/model.h"

namespace chasqui::worker {

// How a context keeps and computes attention.
struct Layout {
  bool unified_kv = false;
  llama_flash_attn_type flash_attention = LLAMA_FLASH_ATTN_TYPE_AUTO;
};

// What `options` leave to be chosen. Without a GPU: a part of the KV cache for each slot and no
// flash attention. A result then does not depend, to the last bit, on what else runs, on how the
// prompt was cut, on the number of threads: a stream that moves to another worker goes on as it
// would have. (With the others it does depend: flash attention has three kernels on CPUs, by the
// number of rows and the length of the cache, and in a shared cache the order of a sequence's
// cells, and with it that of the sums, follows from what ran before; quantising the activations
// makes a flipped bit a visible difference.) With a GPU, where batches of other sizes are computed
// by other kernels anyway, or with a quantised V cache, which needs it: flash attention, and a
// shared cache. Pure.
Layout ChooseLayout(const EngineOptions& options, bool has_gpu);

// Some tokens of one sequence to be computed.
struct DecodePart {
  std::uint32_t slot = 0;
  std::uint32_t position = 0;  // of the first token
  std::span<const TokenId> tokens;
  bool samples = false;  // whether the logits after the last token are wanted
};

// libllama's context: the KV cache and the computation over it. Owned by the engine's loop and
// confined to its thread, but for RequestAbort().
class DecodeContext {
 public:
  // RESOURCE_EXHAUSTED with libllama's reason when it cannot be made.
  static absl::StatusOr<std::unique_ptr<DecodeContext>> Create(const Model& model,
                                                               const EngineOptions& options);

  std::uint32_t kv_tokens() const { return kv_tokens_; }
  // Longest prompt and output of one request.
  std::uint32_t context_tokens() const { return context_tokens_; }

  // Computes the parts, at most one for each slot and batch_tokens in all. CANCELLED when `abort`
  // said so: what was computed of them stays and is best removed. Any other error, too, leaves the
  // slots of these parts in an unknown state.
  absl::Status Decode(std::span<const DecodePart> parts, absl::FunctionRef<bool()> abort);

  // The logits of the last Decode for its part `index`, which samples. Valid until the next one;
  // may be changed.
  std::span<float> Logits(std::size_t index);

  // Forgets the slot's sequence.
  void Remove(std::uint32_t slot);

 private:
  DecodeContext(llama_context_ptr context, const Model& model, const EngineOptions& options);
  void Add(TokenId token, std::uint32_t position, std::uint32_t slot, bool samples);

  llama_context_ptr context_;
  std::uint32_t vocabulary_size_;
  std::uint32_t kv_tokens_;
  std::uint32_t context_tokens_;

  // The batch, in the arrays that libllama wants.
  std::vector<TokenId> tokens_;
  std::vector<llama_pos> positions_;
  std::vector<std::int32_t> sequence_counts_;
  std::vector<llama_seq_id> slots_;
  std::vector<llama_seq_id*> slot_pointers_;
  std::vector<std::int8_t> samples_;
  std::vector<std::int32_t> last_;  // where in the batch each part's last token is
};

}  // namespace chasqui::worker
