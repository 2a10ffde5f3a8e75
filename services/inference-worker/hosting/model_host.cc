// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/model_host.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/status.h"
#include "services/inference-worker/engine/decode_context.h"
#include "services/inference-worker/hosting/engine_options.h"
#include "services/inference-worker/hosting/memory_room.h"

namespace chasqui::worker {
namespace {

bool IsFileOf(const LoadSpec& spec, const std::string& path) {
  return spec.path == path || std::ranges::contains(spec.variants, path);
}

}  // namespace

std::string ModelHost::NameOf(const LoadSpec& spec) {
  return spec.name.empty() ? std::filesystem::path(spec.path).stem().string() : spec.name;
}

absl::StatusOr<std::shared_ptr<HostedModel>> ModelHost::Load(LoadSpec spec,
                                                             const LoadProgressFn& progress) {
  spec.name = NameOf(spec);
  {
    absl::MutexLock lock(mutex_);
    const auto nobody_loads_it = [this, &spec]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return !loading_.contains(spec.name);
    };
    mutex_.Await(absl::Condition(&nobody_loads_it));
    if (const auto found = models_.find(spec.name); found != models_.end()) {
      if (IsFileOf(spec, found->second->model()->facts().path)) return found->second;
      return status::Error(absl::StatusCode::kFailedPrecondition, "MODEL_NAME_TAKEN",
                           absl::StrCat("the name \"", spec.name, "\" is taken by ",
                                        found->second->model()->facts().path));
    }
    loading_.insert(spec.name);
  }
  const auto done = absl::MakeCleanup([this, &spec] {
    absl::MutexLock lock(mutex_);
    loading_.erase(spec.name);
  });
  ABSL_ASSIGN_OR_RETURN(std::shared_ptr<HostedModel> hosted, LoadNew(spec, progress));
  {
    absl::MutexLock lock(mutex_);
    models_[spec.name] = hosted;
  }
  if (options_.on_models_changed) options_.on_models_changed();
  return hosted;
}

absl::StatusOr<ModelHost::Variant> ModelHost::Inspect(const std::string& path,
                                                      const LoadSpec& spec) {
  Variant variant;
  ABSL_ASSIGN_OR_RETURN(variant.gguf, InspectGguf(path));
  if (variant.gguf.type == "adapter") {
    return status::InvalidArgument(
        "path", absl::StrCat(path, " is an adapter, to be applied over a model, and no model"));
  }
  std::vector<GgufFacts> adapters;
  for (const AdapterFile& file : spec.adapters) {
    ABSL_ASSIGN_OR_RETURN(adapters.emplace_back(), InspectAdapter(file, variant.gguf));
  }
  ABSL_ASSIGN_OR_RETURN(variant.engine,
                        ResolveEngineOptions(spec.engine, variant.gguf.train_context_tokens));
  variant.memory =
      EstimateMemory(variant.gguf,
                     {.kv_tokens = variant.engine.kv_tokens,
                      .micro_batch_tokens = variant.engine.micro_batch_tokens,
                      .sequences = CountSequences(variant.engine, OnGpu(variant.engine)),
                      .type_k = variant.engine.type_k,
                      .type_v = variant.engine.type_v},
                     adapters);
  return variant;
}

absl::StatusOr<ModelHost::Inspected> ModelHost::InspectAll(const LoadSpec& spec) {
  std::vector<std::string> paths = {spec.path};
  paths.insert(paths.end(), spec.variants.begin(), spec.variants.end());
  Inspected inspected;
  for (const auto& path : paths) {
    absl::StatusOr<Variant> variant = Inspect(path, spec);
    if (variant.ok()) {
      inspected.good.push_back(*std::move(variant));
    } else {
      inspected.bad.emplace_back(path, variant.status());
    }
  }
  if (inspected.good.empty()) return inspected.bad.front().second;
  return inspected;
}

std::vector<VariantSize> ModelHost::SizesOf(const std::vector<Variant>& variants) {
  std::vector<VariantSize> sizes;
  for (const auto& variant : variants) {
    sizes.push_back(
        {.weights_bytes = variant.memory.weights, .total_bytes = variant.memory.total()});
  }
  return sizes;
}

absl::StatusOr<ModelHost::Variant> ModelHost::Choose(const LoadSpec& spec) const {
  ABSL_ASSIGN_OR_RETURN(Inspected inspected, InspectAll(spec));
  for (const auto& [path, why] : inspected.bad) {
    if (options_.on_bad_file) options_.on_bad_file(path, why);
  }
  std::vector<Variant>& variants = inspected.good;
  const std::vector<VariantSize> sizes = SizesOf(variants);
  const std::optional<std::uint64_t> room = MemoryRoom(spec.engine, options_.memory_margin_bytes);
  if (const auto chosen = ChooseVariant(sizes, room)) return std::move(variants[*chosen]);
  const Variant& smallest = variants[BestFirst(sizes).back()];
  return status::Error(
      absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
      absl::StrCat(smallest.gguf.paths.front(), " needs ", smallest.memory.total() >> 20,
                   " MiB; beside the ", options_.memory_margin_bytes >> 20,
                   " MiB that must stay free, ", *room >> 20, " MiB are available"));
}

absl::StatusOr<ModelEstimate> ModelHost::Estimate(const LoadSpec& spec) const {
  ABSL_ASSIGN_OR_RETURN(const Inspected inspected, InspectAll(spec));
  const std::vector<Variant>& variants = inspected.good;
  const std::vector<VariantSize> sizes = SizesOf(variants);
  ModelEstimate estimate;
  estimate.available_bytes = MemoryRoom(spec.engine, options_.memory_margin_bytes);
  const std::optional<std::uint64_t>& room = estimate.available_bytes;
  for (const std::size_t i : BestFirst(sizes)) {
    const Variant& variant = variants[i];
    estimate.files.push_back({.path = variant.gguf.paths.front(),
                              .quantization = variant.gguf.quantization,
                              .memory = variant.memory,
                              .fits = !room.has_value() || variant.memory.total() <= *room,
                              .error = absl::OkStatus()});
  }
  for (const auto& [path, why] : inspected.bad)
    estimate.files.push_back({.path = path, .quantization = {}, .memory = {}, .error = why});
  if (const auto chosen = ChooseVariant(sizes, room))
    estimate.chosen_path = variants[*chosen].gguf.paths.front();
  return estimate;
}

absl::StatusOr<std::shared_ptr<HostedModel>> ModelHost::LoadNew(const LoadSpec& spec,
                                                                const LoadProgressFn& progress) {
  ABSL_ASSIGN_OR_RETURN(const Variant variant, Choose(spec));
  const std::uint64_t needed = variant.memory.total();
  LoadOptions options = ResolveLoadOptions(spec.engine);
  options.adapters = spec.adapters;
  ABSL_ASSIGN_OR_RETURN(std::shared_ptr<const Model> model,
                        Model::Load(variant.gguf, options, [&](float fraction) {
                          return !progress || progress(fraction, needed);
                        }));
  std::unique_ptr<Engine> engine;
  if (model->facts().generates) {
    EngineHooks hooks = options_.hooks;
    if (options_.observe) hooks.observer = options_.observe(spec.name);
    ABSL_ASSIGN_OR_RETURN(engine, Engine::Create(model, variant.engine, std::move(hooks)));
  }
  return std::shared_ptr<HostedModel>(
      new HostedModel({.name = spec.name, .aliases = spec.aliases, .profile = spec.profile},
                      std::move(model), std::move(engine), variant.engine, needed,
                      options_.hooks.turns),
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

inference::v1::Model ModelHost::DescribeFile(const LoadSpec& spec) const {
  inference::v1::Model model;
  model.set_name(spec.name);
  for (const auto& alias : spec.aliases) model.add_aliases(alias);
  model.set_profile(spec.profile);
  model.set_state(inference::v1::MODEL_STATE_UNLOADED);
  model.set_workers(1);
  model.set_slots(spec.engine.slots());
  for (const AdapterFile& file : spec.adapters) model.add_lora_adapters(file.name);
  std::ranges::sort(*model.mutable_lora_adapters());
  std::vector<std::string> paths = spec.variants;
  paths.push_back(spec.path);
  std::optional<Variant> smallest;
  for (const auto& path : paths) {
    absl::StatusOr<Variant> variant = Inspect(path, spec);
    // What is wrong with the file is told to whoever has it loaded.
    if (!variant.ok()) continue;
    if (!smallest.has_value() || variant->memory.total() < smallest->memory.total())
      smallest = *std::move(variant);
  }
  if (!smallest.has_value()) return model;
  model.set_architecture(smallest->gguf.architecture);
  model.set_quantization(smallest->gguf.quantization);
  model.set_size_bytes(smallest->gguf.tensor_bytes);
  model.set_train_context_tokens(smallest->gguf.train_context_tokens);
  model.set_vocabulary_size(smallest->gguf.vocabulary_size);
  model.set_embedding_length(smallest->gguf.embedding_length);
  model.set_context_tokens(smallest->engine.context_tokens);
  model.set_memory_bytes(smallest->memory.total());
  return model;
}

absl::Status ModelHost::NoSuchModel(std::string_view name) const {
  std::vector<std::string_view> known;
  for (const auto& [own_name, model] : models_) known.push_back(own_name);
  const std::string names = known.empty() ? "none is loaded" : absl::StrJoin(known, ", ");
  return status::NotFound("model", name, absl::StrCat("known models: ", names));
}

}  // namespace chasqui::worker
