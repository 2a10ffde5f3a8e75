// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/fleet/v1/load.pb.h"
#include "chasqui/inference/v1/model.pb.h"
#include "common/time/clock.h"
#include "services/inference-worker/embed/embedder.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/model/model.h"

namespace chasqui::worker {

// What a model is called.
struct ModelIdentity {
  std::string name;
  std::vector<std::string> aliases;
  std::string profile;  // what it is good for; empty: not said
};

// A model that is in memory under a name, with the engine that generates with it. Shared by the
// host and by the requests that use it; must not be destroyed on a loop, for that joins the
// engine's thread. Thread-safe.
class HostedModel {
 public:
  // `memory_bytes` as estimated before it was loaded; `turns` as EngineHooks'.
  HostedModel(ModelIdentity identity, std::shared_ptr<const Model> model,
              std::unique_ptr<Engine> engine, const EngineOptions& options,
              std::uint64_t memory_bytes, ComputeTurns* turns = nullptr);

  const std::string& name() const { return identity_.name; }
  std::uint64_t memory_bytes() const { return memory_bytes_; }
  bool AnswersTo(std::string_view name) const;
  const std::shared_ptr<const Model>& model() const { return model_; }
  // Null for models that only embed or rank.
  Engine* engine() const { return engine_.get(); }

  // Made at the first call; blocks for as long as that takes.
  absl::StatusOr<Embedder*> embedder();

  // `hosted`, counted as used for as long as the result lives.
  static std::shared_ptr<HostedModel> Use(std::shared_ptr<HostedModel> hosted);
  // How many use it, and when the last of them left or it was loaded.
  std::uint32_t users() const { return users_; }
  time::SteadyTime last_used() const { return last_used_; }

  inference::v1::Model Describe() const;
  fleet::v1::ModelLoad Load(std::string_view router_id) const;

 private:
  const ModelIdentity identity_;
  const std::shared_ptr<const Model> model_;
  const EngineOptions options_;
  const std::unique_ptr<Engine> engine_;
  const std::uint64_t memory_bytes_;
  ComputeTurns* const turns_;
  std::atomic<std::uint32_t> users_ = 0;
  std::atomic<time::SteadyTime> last_used_ = time::SteadyNow();
  absl::Mutex mutex_;
  std::unique_ptr<Embedder> embedder_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::worker
