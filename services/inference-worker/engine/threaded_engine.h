// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string_view>

#include "common/concurrency/named_thread.h"
#include "services/inference-worker/engine/admission.h"
#include "services/inference-worker/engine/check_request.h"
#include "services/inference-worker/engine/decode_context.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/engine/engine_loop.h"
#include "services/inference-worker/engine/engine_meter.h"
#include "services/inference-worker/engine/inbox.h"

namespace chasqui::worker {

// The engine: admits requests on the threads that submit them, and runs the loop on its own.
class ThreadedEngine final : public Engine {
 public:
  ThreadedEngine(std::shared_ptr<const Model> model, const EngineOptions& options,
                 EngineHooks hooks, std::unique_ptr<DecodeContext> context);
  ~ThreadedEngine() override;

  // Warms up if asked to, and starts the thread. Before anything else.
  absl::Status Start();

  absl::StatusOr<std::shared_ptr<Generation>> Submit(GenerationRequest request,
                                                     std::uint64_t tag) override;
  absl::Status CheckRoom() const override { return admission_.CheckRoom(); }
  EngineLoad Load(std::string_view owner) const override;
  std::uint32_t context_tokens() const override { return context_->context_tokens(); }

 private:
  RequestBounds Bounds() const;
  absl::StatusOr<std::vector<std::unique_ptr<TokenSampler>>> MakeSamplers(
      const GenerationRequest& request) const;

  const std::shared_ptr<const Model> model_;
  const EngineOptions options_;
  const EngineHooks hooks_;
  const std::unique_ptr<DecodeContext> context_;
  Admission admission_;
  EngineMeter meter_;
  const bool can_shift_;
  // Shared with the readers, who may outlive the engine.
  const std::shared_ptr<Inbox> inbox_;
  std::atomic<std::uint64_t> admissions_ = 0;
  EngineLoop loop_;
  concurrency::NamedThread thread_;  // last: works on all of the above
};

}  // namespace chasqui::worker
