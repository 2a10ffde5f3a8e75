// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "services/inference-worker/batch/plan.h"
#include "services/inference-worker/engine/adapter_sets.h"
#include "services/inference-worker/engine/compute_turns.h"
#include "services/inference-worker/engine/decode_context.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/engine/engine_meter.h"
#include "services/inference-worker/engine/inbox.h"
#include "services/inference-worker/engine/sampling_team.h"
#include "services/inference-worker/engine/sequence.h"
#include "services/inference-worker/kv/kv_cache.h"

namespace chasqui::worker {

// What the engine's thread does: takes what has arrived, seats it, ends what is over, computes the
// next step of all running answers together, samples, tells who has events. Owned by the engine,
// confined to its thread.
class EngineLoop {
 public:
  // All outlive the loop.
  EngineLoop(const Model& model, const EngineOptions& options, const EngineHooks& hooks,
             DecodeContext& context, Inbox& inbox, EngineMeter& meter);

  // Until `stop` is requested and the inbox woken. What still runs then fails with UNAVAILABLE.
  void Run(std::stop_token stop);

  // Computes a little with all slots, so that the first request does not pay for what is done once,
  // and the rates are known. Before Run.
  absl::Status WarmUp();

 private:
  // A choice of one token from each of these.
  struct Choice {
    Sequence* sequence;
    std::span<float> logits;
  };

  using SequencePtr = std::unique_ptr<Sequence>;

  void TakeArrivals();
  void EndOverdue();
  // Gives those that wait seats, the oldest first, as far as there is room.
  void SeatWaiting();
  bool HasRoomFor(const Sequence& sequence) const;
  void CloseGaps();
  void ShiftFull();

  // Whether there was anything to compute.
  bool Step();
  std::vector<StepPart> Plan();
  std::vector<DecodePart> Decodable(const std::vector<StepPart>& plan) const;
  // The next adapters in turn, of those that sequences which can run want.
  void ChooseAdapters();
  bool MayRun(const Sequence& sequence) const;
  void TakeResults(const std::vector<StepPart>& plan, time::SteadyTime began);
  void Choose();
  // Waits until it may compute; false when it is to stop.
  bool AwaitTurn() { return turn_ == nullptr || turn_->Enter(stop_); }
  void FailParts(const std::vector<StepPart>& plan, const absl::Status& error);
  // After a step that found no room.
  void MakeRoom(const std::vector<StepPart>& plan);
  void Preempt(std::uint32_t seat);

  // Tells the readers, and frees what is over.
  void Publish();
  bool Release(SequencePtr& sequence);
  void CloseEnded();
  void WaitForWork();
  void Shutdown();
  void FailAll(const absl::Status& error);

  // The number of the sequence's adapters, taken until its seat is given up.
  std::uint32_t EnterAdapters(const Sequence& sequence);

  const Model& model_;
  const EngineOptions& options_;
  const EngineHooks& hooks_;
  DecodeContext& context_;
  Inbox& inbox_;
  EngineMeter& meter_;
  std::stop_token stop_;
  const std::unique_ptr<ComputeTurns::Member> turn_;  // nullptr: it computes when it wants
  KvCache kv_;
  std::vector<SequencePtr> seats_;   // by seat; null: free
  std::deque<SequencePtr> waiting_;  // the oldest first
  std::vector<std::uint64_t> told_;  // tags with new events
  SamplingTeam sampling_;
  std::vector<Choice> choices_;     // of the step
  std::vector<SequencePtr> ended_;  // the last of each answer that is over, until it is closed
  std::uint32_t gap_steps_ = 0;     // how many steps there has been a gap between the seats
  AdapterSets adapters_;            // of the answers that are seated
  // The one that the context computes with; nothing: not known.
  std::optional<std::uint32_t> current_adapters_ = AdapterSets::kNone;
};

}  // namespace chasqui::worker
