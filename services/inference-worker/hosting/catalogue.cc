// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/catalogue.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;

bool IsModelName(std::string_view name) {
  constexpr std::size_t kMostCharacters = 128;
  static constexpr std::string_view kMarks = "._:/-";
  return name.size() <= kMostCharacters && std::ranges::all_of(name, [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || kMarks.contains(c);
         });
}

bool IsInside(const fs::path& file, const fs::path& folder) {
  const auto ends = std::ranges::mismatch(folder, file);
  return ends.in1 == folder.end();
}

}  // namespace

Catalogue::Catalogue(const config::v1::InferenceWorkerConfig& config) {
  for (const auto& model : config.models()) {
    const std::string name =
        model.name().empty() ? fs::path(model.path()).stem().string() : model.name();
    configured_.push_back({.name = name,
                           .path = model.path(),
                           .aliases = {model.aliases().begin(), model.aliases().end()}});
  }
  for (const auto& folder : config.model_folders()) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (!error) folders_.push_back(real.string());
  }
}

absl::StatusOr<LoadSpec> Catalogue::Find(std::string_view name, std::string_view path) const {
  if (!IsModelName(name)) {
    return status::InvalidArgument("name", "must be at most 128 characters of [A-Za-z0-9._:/-]");
  }
  if (path.empty()) {
    if (name.empty()) return status::InvalidArgument("name", "name or path must be set");
    const auto found = std::ranges::find(configured_, name, &LoadSpec::name);
    if (found != configured_.end()) return *found;
    return status::NotFound("model", name,
                            "no configured model has this name, and no path is given");
  }
  std::error_code error;
  // Weakly: of a file that is not there it can be told where it would be, and inside the folders
  // the caller may know that it is missing.
  const fs::path real = fs::weakly_canonical(fs::path(path), error);
  const bool allowed = !error && std::ranges::any_of(folders_, [&real](const std::string& folder) {
    return IsInside(real, folder);
  });
  const bool configured = std::ranges::contains(configured_, path, &LoadSpec::path);
  if (!allowed && !configured) {
    return status::Error(
        absl::StatusCode::kPermissionDenied, "MODEL_PATH",
        absl::StrCat("\"", path, "\" lies in none of this worker's model_folders"));
  }
  return LoadSpec{
      .name = std::string(name), .path = error ? std::string(path) : real.string(), .aliases = {}};
}

}  // namespace chasqui::worker
