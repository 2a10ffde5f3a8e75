// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/model_host.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/status.h"
#include "services/inference-worker/hosting/engine_options.h"
#include "services/inference-worker/model/gguf_file.h"
#include "services/inference-worker/model/memory_available.h"
#include "services/inference-worker/model/memory_estimate.h"

namespace chasqui::worker {
namespace {

constexpr std::chrono::seconds kLoadRetryDelay{5};

std::string NameOf(const LoadSpec& spec) {
  return spec.name.empty() ? std::filesystem::path(spec.path).stem().string() : spec.name;
}

absl::Status CheckMemory(std::uint64_t needed, std::uint64_t margin, const std::string& path) {
  const auto available = AvailableMemory();
  if (!available.has_value() || needed + margin <= *available) return absl::OkStatus();
  return status::Error(
      absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
      absl::StrCat(path, " needs ", needed >> 20, " MiB and ", margin >> 20,
                   " MiB must stay free; ", *available >> 20, " MiB are available"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<HostedModel>> ModelHost::Load(LoadSpec spec,
                                                             const LoadProgressFn& progress) {
  spec.name = NameOf(spec);
  {
    absl::MutexLock lock(mutex_);
    if (const auto found = models_.find(spec.name); found != models_.end()) {
      if (found->second->model()->facts().path == spec.path) return found->second;
      return status::Error(absl::StatusCode::kFailedPrecondition, "MODEL_NAME_TAKEN",
                           absl::StrCat("the name \"", spec.name, "\" is taken by ",
                                        found->second->model()->facts().path));
    }
    if (loading_) {
      return status::ResourceExhausted("LOADING", "another model is being loaded", kLoadRetryDelay);
    }
    loading_ = true;
  }
  const auto done = absl::MakeCleanup([this] {
    absl::MutexLock lock(mutex_);
    loading_ = false;
  });
  ABSL_ASSIGN_OR_RETURN(std::shared_ptr<HostedModel> hosted, LoadNew(spec, progress));
  {
    absl::MutexLock lock(mutex_);
    models_[spec.name] = hosted;
  }
  if (options_.on_models_changed) options_.on_models_changed();
  return hosted;
}

absl::StatusOr<std::shared_ptr<HostedModel>> ModelHost::LoadNew(const LoadSpec& spec,
                                                                const LoadProgressFn& progress) {
  ABSL_ASSIGN_OR_RETURN(const GgufFacts gguf, InspectGguf(spec.path));
  ABSL_ASSIGN_OR_RETURN(const EngineOptions engine_options,
                        ResolveEngineOptions(options_.engine, gguf.train_context_tokens));
  const std::uint64_t needed =
      EstimateMemory(gguf, {.kv_tokens = engine_options.kv_tokens,
                            .micro_batch_tokens = engine_options.micro_batch_tokens,
                            .sequences = engine_options.slots,
                            .type_k = engine_options.type_k,
                            .type_v = engine_options.type_v})
          .total();
  ABSL_RETURN_IF_ERROR(CheckMemory(needed, options_.memory_margin_bytes, spec.path));

  const LoadOptions load_options{.gpu_layers = options_.engine.gpu_layers(),
                                 .mmap = options_.engine.mmap(),
                                 .mlock = options_.engine.mlock()};
  ABSL_ASSIGN_OR_RETURN(std::shared_ptr<const Model> model,
                        Model::Load(gguf, load_options, [&](float fraction) {
                          return !progress || progress(fraction, needed);
                        }));
  std::unique_ptr<Engine> engine;
  if (model->facts().generates) {
    ABSL_ASSIGN_OR_RETURN(engine, Engine::Create(model, engine_options, options_.hooks));
  }
  return std::shared_ptr<HostedModel>(
      new HostedModel(spec.name, spec.aliases, std::move(model), std::move(engine), engine_options),
      options_.reap);
}

absl::StatusOr<std::shared_ptr<HostedModel>> ModelHost::Remove(std::string_view name) {
  std::shared_ptr<HostedModel> removed;
  {
    absl::MutexLock lock(mutex_);
    const auto found = models_.find(name);
    if (found == models_.end()) return NoSuchModel(name);
    removed = std::move(found->second);
    models_.erase(found);
  }
  if (options_.on_models_changed) options_.on_models_changed();
  return removed;
}

absl::StatusOr<std::shared_ptr<HostedModel>> ModelHost::Find(std::string_view name) const {
  absl::MutexLock lock(mutex_);
  if (name.empty()) {
    if (models_.size() == 1) return models_.begin()->second;
    if (models_.empty()) return NoSuchModel(name);
    return status::InvalidArgument("model", "must be named, for there are several");
  }
  for (const auto& [own_name, model] : models_) {
    if (model->AnswersTo(name)) return model;
  }
  return NoSuchModel(name);
}

std::vector<std::shared_ptr<HostedModel>> ModelHost::All() const {
  absl::MutexLock lock(mutex_);
  std::vector<std::shared_ptr<HostedModel>> all;
  for (const auto& [name, model] : models_) all.push_back(model);
  return all;
}

absl::Status ModelHost::NoSuchModel(std::string_view name) const {
  std::vector<std::string_view> known;
  for (const auto& [own_name, model] : models_) known.push_back(own_name);
  const std::string names = known.empty() ? "none is loaded" : absl::StrJoin(known, ", ");
  return status::NotFound("model", name, absl::StrCat("known models: ", names));
}

}  // namespace chasqui::worker
