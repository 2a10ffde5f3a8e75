// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/config/v1/inference_worker_config.pb.h"
#include "chasqui/inference/v1/model.pb.h"
#include "services/inference-worker/hosting/hosted_model.h"
#include "services/inference-worker/hosting/variants.h"
#include "services/inference-worker/model/adapter.h"
#include "services/inference-worker/model/gguf_file.h"
#include "services/inference-worker/model/memory_estimate.h"

namespace chasqui::worker {

// What is to be loaded.
struct LoadSpec {
  std::string name;  // empty: the file's name without ".gguf"
  std::string path;
  std::vector<std::string> aliases;
  std::vector<std::string> variants;  // other files: the best that fits is loaded
  std::string profile;
  bool preload = true;
  config::v1::EngineConfig engine;
  std::vector<AdapterFile> adapters = {};
};

// What the files of a model would take.
struct ModelEstimate {
  struct File {
    std::string path;
    std::string quantization;
    MemoryEstimate memory;
    bool fits = false;   // now
    absl::Status error;  // why it cannot be loaded at all; the rest is then not known
  };
  std::vector<File> files;  // the best first, then those that cannot be loaded
  std::optional<std::uint64_t> available_bytes = std::nullopt;  // less the margin
  std::string chosen_path;                                      // empty: none fits
};

// Told how far loading is; loading ends when it answers false. Called on the thread that loads.
using LoadProgressFn = std::function<bool(float fraction, std::uint64_t estimated_bytes)>;

// The models of this worker, by name. Owned by the server. Thread-safe.
class ModelHost {
 public:
  struct Options {
    std::uint64_t memory_margin_bytes = 0;
    EngineHooks hooks;  // without an observer
    // Makes the observer of a model's engine; empty: there is none.
    std::function<std::shared_ptr<EngineObserver>(const std::string& model)> observe = nullptr;
    // Destroys a model that nobody uses any more: off the loops, for that joins a thread.
    std::function<void(HostedModel*)> reap;
    // A file that a model might be loaded from cannot be, while another of its files can. Called on
    // the thread that loads.
    std::function<void(const std::string& path, const absl::Status& why)> on_bad_file;
    // Models have come or gone. Called on the thread that loads or removes.
    std::function<void()> on_models_changed;
  };

  // What the model is called: the file's name without ".gguf" where `spec` names none.
  static std::string NameOf(const LoadSpec& spec);

  explicit ModelHost(Options options) : options_(std::move(options)) {}
  ModelHost(const ModelHost&) = delete;
  ModelHost& operator=(const ModelHost&) = delete;

  // Brings a model into memory; blocks. One that is there already, from one of the same files, is
  // given at once; one that somebody else loads is waited for.
  //   NOT_FOUND, INVALID_ARGUMENT  the file is not there, is no GGUF, is damaged
  //   RESOURCE_EXHAUSTED           it does not fit the memory
  //   ALREADY_EXISTS               the name is taken by another file
  //   CANCELLED                    `progress` answered false
  absl::StatusOr<std::shared_ptr<HostedModel>> Load(LoadSpec spec, const LoadProgressFn& progress);

  // Takes the model out: new requests do not find it, running ones keep it alive. NOT_FOUND.
  absl::StatusOr<std::shared_ptr<HostedModel>> Remove(std::string_view name);

  // The model of this name or alias; "" is the only one. NOT_FOUND names those there are;
  // INVALID_ARGUMENT when none is named and there are several.
  absl::StatusOr<std::shared_ptr<HostedModel>> Find(std::string_view name) const;

  std::vector<std::shared_ptr<HostedModel>> All() const;

  // What each of the model's files would take, and which would be loaded now. NOT_FOUND,
  // INVALID_ARGUMENT as Load. Blocks on the disk.
  absl::StatusOr<ModelEstimate> Estimate(const LoadSpec& spec) const;

  // A model that is not in memory, as the header of its file tells; the memory is that of the
  // smallest of its files. Blocks on the disk.
  inference::v1::Model DescribeFile(const LoadSpec& spec) const;

 private:
  // A file that a model can be loaded from, and what it takes.
  struct Variant {
    GgufFacts gguf;
    EngineOptions engine;
    MemoryEstimate memory;
  };
  static absl::StatusOr<Variant> Inspect(const std::string& path, const LoadSpec& spec);
  // A model's files: those that can be loaded, and why others cannot.
  struct Inspected {
    std::vector<Variant> good;
    std::vector<std::pair<std::string, absl::Status>> bad;
  };
  // The error of `spec.path` when no file can be loaded.
  static absl::StatusOr<Inspected> InspectAll(const LoadSpec& spec);
  static std::vector<VariantSize> SizesOf(const std::vector<Variant>& variants);
  // The best of its files that fits the memory.
  absl::StatusOr<Variant> Choose(const LoadSpec& spec) const;
  absl::StatusOr<std::shared_ptr<HostedModel>> LoadNew(const LoadSpec& spec,
                                                       const LoadProgressFn& progress);
  absl::Status NoSuchModel(std::string_view name) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const Options options_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<HostedModel>, std::less<>> models_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string, std::less<>> loading_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::worker
