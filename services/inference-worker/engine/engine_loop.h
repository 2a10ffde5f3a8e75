// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "services/inference-worker/batch/plan.h"
#include "services/inference-worker/engine/decode_context.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/engine/engine_meter.h"
#include "services/inference-worker/engine/inbox.h"
#include "services/inference-worker/engine/sequence.h"

namespace chasqui::worker {

// What the engine's thread does: takes what has arrived, ends what is over, computes the next step
// of all running answers together, samples, tells who has events. Owned by the engine, confined to
// its thread.
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
  void TakeArrivals();
  void EndOverdue();
  // Whether there was anything to compute.
  bool Step();
  std::vector<StepPart> Plan() const;
  std::vector<DecodePart> Decodable(const std::vector<StepPart>& plan);
  void TakeResults(const std::vector<StepPart>& plan, time::SteadyTime began);
  void FailParts(const std::vector<StepPart>& plan, const absl::Status& error);
  // Tells the readers, and frees the slots of what is over.
  void Publish();
  void WaitForWork();
  void Shutdown();

  const Model& model_;
  const EngineOptions& options_;
  const EngineHooks& hooks_;
  DecodeContext& context_;
  Inbox& inbox_;
  EngineMeter& meter_;
  std::stop_token stop_;
  std::vector<std::unique_ptr<Sequence>> slots_;  // by slot; null: free
  std::vector<std::uint64_t> told_;               // tags with new events, each once
};

}  // namespace chasqui::worker
