// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/catalogue.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/inference/names.h"
#include "common/status/status.h"
#include "services/inference-worker/hosting/variants.h"
#include "services/inference-worker/inference_worker_config.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;

// What a router takes from one worker.
constexpr std::size_t kMostModels = 256;

std::vector<AdapterFile> AdaptersOf(const config::v1::ModelConfig& model) {
  std::vector<AdapterFile> files;
  for (const auto& adapter : model.lora_adapters()) {
    files.push_back({.name = adapter.name(),
                     .path = adapter.path(),
                     .scale = adapter.has_scale() ? adapter.scale() : 1.0F});
  }
  return files;
}

// Links followed; as it is where that cannot be told.
fs::path Real(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::weakly_canonical(path, error);
  return error ? path : real;
}

bool IsInside(const fs::path& file, const fs::path& folder) {
  const auto ends = std::ranges::mismatch(folder, file);
  return ends.in1 == folder.end();
}

}  // namespace

Catalogue::Catalogue(const config::v1::InferenceWorkerConfig& config) : engine_(config.engine()) {
  AddConfigured(config);
  for (const auto& folder : config.model_folders()) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (error) continue;
    folders_.push_back(real.string());
    AddFolder(folders_.back());
  }
}

void Catalogue::AddConfigured(const config::v1::InferenceWorkerConfig& config) {
  for (const auto& model : config.models()) {
    const std::string name =
        model.name().empty() ? fs::path(model.path()).stem().string() : model.name();
    models_.push_back({.name = name,
                       .path = model.path(),
                       .aliases = {model.aliases().begin(), model.aliases().end()},
                       .variants = {model.variants().begin(), model.variants().end()},
                       .profile = model.profile(),
                       .preload = !model.has_preload() || model.preload(),
                       .engine = MergeEngine(engine_, model.engine()),
                       .adapters = AdaptersOf(model)});
  }
}

// What another model is made of already, or whose name is taken, is left out. A link counts as a
// file here, wherever it points, and is known by the file it points to.
void Catalogue::AddFolder(const std::string& folder) {
  std::set<fs::path> known;
  for (const LoadSpec& spec : models_) {
    known.insert(Real(spec.path));
    for (const auto& variant : spec.variants) known.insert(Real(variant));
  }
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code not_there;  // a link to nothing, for one: no model, and no end to the others
    const bool is_file = entry->is_regular_file(not_there);
    if (is_file && entry->path().extension() == ".gguf" && !known.contains(Real(entry->path())))
      paths.push_back(entry->path().string());
  }
  std::ranges::sort(paths);
  for (VariantGroup& group : GroupVariants(paths)) {
    if (models_.size() >= kMostModels) return;
    if (!inference::IsName(group.name) || Resolve(group.name) != nullptr) continue;
    LoadSpec spec{.name = group.name,
                  .path = group.paths.front(),
                  .aliases = {},
                  .variants = {group.paths.begin() + 1, group.paths.end()},
                  .profile = {},
                  .preload = false,
                  .engine = engine_};
    models_.push_back(std::move(spec));
  }
}

const LoadSpec* Catalogue::Resolve(std::string_view name) const {
  const auto found = std::ranges::find_if(models_, [name](const LoadSpec& spec) {
    return spec.name == name || std::ranges::contains(spec.aliases, name);
  });
  return found == models_.end() ? nullptr : &*found;
}

absl::StatusOr<LoadSpec> Catalogue::Find(std::string_view name, std::string_view path) const {
  // Without a name the file's is taken.
  if (!name.empty() && !inference::IsName(name))
    return status::InvalidArgument("name", inference::kNameRule);
  if (path.empty()) {
    if (name.empty()) return status::InvalidArgument("name", "name or path must be set");
    if (const LoadSpec* found = Resolve(name)) return *found;
    return status::NotFound("model", name,
                            "no model of the catalogue has this name, and no path is given");
  }
  std::error_code error;
  // Weakly: of a file that is not there it can be told where it would be, and inside the folders
  // the caller may know that it is missing.
  const fs::path real = fs::weakly_canonical(fs::path(path), error);
  const bool allowed = !error && std::ranges::any_of(folders_, [&real](const std::string& folder) {
    return IsInside(real, folder);
  });
  const bool configured = std::ranges::contains(models_, path, &LoadSpec::path);
  if (!allowed && !configured) {
    return status::Error(
        absl::StatusCode::kPermissionDenied, "MODEL_PATH",
        absl::StrCat("\"", path, "\" lies in none of this worker's model_folders"));
  }
  return LoadSpec{.name = std::string(name),
                  .path = error ? std::string(path) : real.string(),
                  .aliases = {},
                  .variants = {},
                  .profile = {},
                  .preload = false,
                  .engine = engine_};
}

}  // namespace chasqui::worker
