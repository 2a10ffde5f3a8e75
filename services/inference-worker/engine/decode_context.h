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
#include "services/inference-worker/kv/kv_memory.h"
#include "services/inference-worker/model/model.h"

namespace chasqui::worker {

// How a context keeps and computes attention.
struct Layout {
  bool unified_kv = false;
  llama_flash_attn_type flash_attention = LLAMA_FLASH_ATTN_TYPE_AUTO;
};

// What `options` leave to be chosen. On CPUs: a part of the KV cache for each slot and no flash
// attention. A result then does not depend, to the last bit, on what else runs, on how the prompt
// was cut, on the number of threads: a stream that moves to another worker goes on as it would
// have. (With the others it does depend: flash attention has three kernels on CPUs, by the number
// of rows and the length of the cache, and in a shared cache the order of a sequence's cells, and
// with it that of the sums, follows from what ran before; quantising the activations makes a
// flipped bit a visible difference.) On a GPU, where batches of other sizes are computed by other
// kernels anyway, and with a quantised V cache, which needs it: flash attention.
//
// A shared cache costs time, for every token looks at the cells of all (docs/performance.md): it is
// for a GPU whose cache is too small for every slot to have a whole context. Pure.
Layout ChooseLayout(const EngineOptions& options, bool on_gpu);

// A place among those who take turns on `processors`, for what computes with these options; nullptr
// where there are no turns, the options want none, or a GPU computes. Thread-safe.
std::unique_ptr<ComputeTurns::Member> JoinTurns(ComputeTurns* turns, const EngineOptions& options,
                                                std::span<const int> processors);

// Sequences that the context of an engine holds: the slots, and in a shared cache beside them the
// finished ones whose prefixes are kept. Pure.
std::uint32_t CountSequences(const EngineOptions& options, bool on_gpu);

// Whether a GPU computes layers: a back end has found one, and the options want it.
bool OnGpu(const EngineOptions& options);

// Some tokens of one sequence to be computed.
struct DecodePart {
  std::uint32_t sequence = 0;
  std::uint32_t position = 0;  // of the first token
  std::span<const TokenId> tokens;
  bool samples = false;  // whether the logits after the last token are wanted
};

// libllama's context: the KV cache and the computation over it. Owned by the engine's loop and
// confined to its thread, but for what is constant.
class DecodeContext final : public KvMemory {
 public:
  // RESOURCE_EXHAUSTED with libllama's reason when it cannot be made.
  static absl::StatusOr<std::unique_ptr<DecodeContext>> Create(const Model& model,
                                                               const EngineOptions& options);

  // Constant.
  std::uint32_t kv_tokens() const { return kv_tokens_; }
  // Longest prompt and output of one request.
  std::uint32_t context_tokens() const { return context_tokens_; }
  // Whether a GPU computes layers.
  bool on_gpu() const { return on_gpu_; }

  // Computes the parts, at most one for each sequence and batch_tokens in all.
  //   RESOURCE_EXHAUSTED  the KV cache has no room for them; nothing has changed
  //   CANCELLED           `abort` said so: what was computed of them stays and is best removed
  // Any other error, too, leaves the sequences of these parts in an unknown state.
  absl::Status Decode(std::span<const DecodePart> parts, absl::FunctionRef<bool()> abort);

  // The logits of the last Decode for its part `index`, which samples. Valid until the next one;
  // may be changed.
  std::span<float> Logits(std::size_t index);

  // The adapters that the next Decode applies, each with its scale. False when libllama cannot.
  bool SetAdapters(const std::vector<AppliedAdapter>& adapters);

  std::uint32_t sequences() const override { return sequences_; }
  bool unified() const override { return unified_; }
  bool can_share() const override { return can_share_; }
  bool can_shift() const override;
  void Remove(std::uint32_t sequence) override;
  bool Keep(std::uint32_t sequence, std::uint32_t tokens) override;
  bool Share(std::uint32_t from, std::uint32_t to, std::uint32_t tokens) override;
  std::vector<std::uint8_t> Save(std::uint32_t sequence) override;
  std::uint64_t SavedSize(std::uint32_t sequence) override;
  bool Restore(std::uint32_t sequence, std::span<const std::uint8_t> state) override;
  bool Shift(std::uint32_t sequence, std::uint32_t keep, std::uint32_t count) override;

 private:
  DecodeContext(llama_context_ptr context, const Model& model, const EngineOptions& options,
                const llama_context_params& params);
  void Fill(std::span<const DecodePart> parts);
  bool Whole(std::uint32_t sequence) const;

  llama_context_ptr context_;
  const llama_memory_t memory_;
  const std::uint32_t vocabulary_size_;
  const std::uint32_t sequences_;
  const bool unified_;
  const bool on_gpu_;
  const bool can_share_;
  std::uint32_t kv_tokens_;
  std::uint32_t context_tokens_;

  // The batch, in the arrays that libllama wants.
  std::vector<TokenId> tokens_;
  std::vector<llama_pos> positions_;
  std::vector<std::int32_t> sequence_counts_;
  std::vector<llama_seq_id> ids_;
  std::vector<llama_seq_id*> id_pointers_;
  std::vector<std::int8_t> samples_;
  std::vector<std::size_t> order_;
  std::vector<std::int32_t> last_;  // where in the batch each part's last token is
};

}  // namespace chasqui::worker
