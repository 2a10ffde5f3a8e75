// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/fleet/v1/load.pb.h"
#include "chasqui/inference/v1/model.pb.h"
#include "services/inference-worker/embed/embedder.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/model/model.h"

namespace chasqui::worker {

// A model that is in memory under a name, with the engine that generates with it. Shared by the
// host and by the requests that use it; must not be destroyed on a loop, for that joins the
// engine's thread. Thread-safe.
class HostedModel {
 public:
  HostedModel(std::string name, std::vector<std::string> aliases,
              std::shared_ptr<const Model> model, std::unique_ptr<Engine> engine,
              const EngineOptions& options);

  const std::string& name() const { return name_; }
  bool AnswersTo(std::string_view name) const;
  const std::shared_ptr<const Model>& model() const { return model_; }
  // Null for models that only embed or rank.
  Engine* engine() const { return engine_.get(); }

  // Made at the first call; blocks for as long as that takes.
  absl::StatusOr<Embedder*> embedder();

  inference::v1::Model Describe() const;
  fleet::v1::ModelLoad Load(std::string_view router_id) const;

 private:
  const std::string name_;
  const std::vector<std::string> aliases_;
  const std::shared_ptr<const Model> model_;
  const EngineOptions options_;
  const std::unique_ptr<Engine> engine_;
  absl::Mutex mutex_;
  std::unique_ptr<Embedder> embedder_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::worker
