// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/config/v1/inference_worker_config.pb.h"
#include "chasqui/inference/v1/model.pb.h"
#include "services/inference-worker/hosting/hosted_model.h"

namespace chasqui::worker {

// What is to be loaded.
struct LoadSpec {
  std::string name;  // empty: the file's name without ".gguf"
  std::string path;
  std::vector<std::string> aliases;
};

// Told how far loading is; loading ends when it answers false. Called on the thread that loads.
using LoadProgressFn = std::function<bool(float fraction, std::uint64_t estimated_bytes)>;

// The models of this worker, by name. Owned by the server. Thread-safe.
class ModelHost {
 public:
  struct Options {
    config::v1::EngineConfig engine;
    std::uint64_t memory_margin_bytes = 0;
    EngineHooks hooks;
    // Destroys a model that nobody uses any more: off the loops, for that joins a thread.
    std::function<void(HostedModel*)> reap;
    // Models have come or gone. Called on the thread that loads or removes.
    std::function<void()> on_models_changed;
  };

  explicit ModelHost(Options options) : options_(std::move(options)) {}
  ModelHost(const ModelHost&) = delete;
  ModelHost& operator=(const ModelHost&) = delete;

  // Brings a model into memory; blocks. One that is there already, from the same file, is given at
  // once.
  //   NOT_FOUND, INVALID_ARGUMENT  the file is not there, is no GGUF, is damaged
  //   RESOURCE_EXHAUSTED           it does not fit the memory, or another model is being loaded
  //   ALREADY_EXISTS               the name is taken by another file
  //   CANCELLED                    `progress` answered false
  absl::StatusOr<std::shared_ptr<HostedModel>> Load(LoadSpec spec, const LoadProgressFn& progress);

  // Takes the model out: new requests do not find it, running ones keep it alive. NOT_FOUND.
  absl::StatusOr<std::shared_ptr<HostedModel>> Remove(std::string_view name);

  // The model of this name or alias; "" is the only one. NOT_FOUND names those there are;
  // INVALID_ARGUMENT when none is named and there are several.
  absl::StatusOr<std::shared_ptr<HostedModel>> Find(std::string_view name) const;

  std::vector<std::shared_ptr<HostedModel>> All() const;

 private:
  absl::StatusOr<std::shared_ptr<HostedModel>> LoadNew(const LoadSpec& spec,
                                                       const LoadProgressFn& progress);
  absl::Status NoSuchModel(std::string_view name) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const Options options_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<HostedModel>, std::less<>> models_ ABSL_GUARDED_BY(mutex_);
  bool loading_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace chasqui::worker
