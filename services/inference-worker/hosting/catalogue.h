// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "chasqui/config/v1/inference_worker_config.pb.h"
#include "services/inference-worker/hosting/model_host.h"

namespace chasqui::worker {

// Which models there are and which files may be loaded: the configured models, and the GGUF files
// of the configured folders, as they were when this was made; files that came later can be loaded
// by their paths. Immutable, thread-safe.
class Catalogue {
 public:
  explicit Catalogue(const config::v1::InferenceWorkerConfig& config);

  // The configured models, then those of the folders, each name once.
  const std::vector<LoadSpec>& models() const { return models_; }

  // The model of this name or alias; null when there is none.
  const LoadSpec* Resolve(std::string_view name) const;

  // What a request to load `path` under `name` means.
  //   INVALID_ARGUMENT   neither name nor path, or a name with characters that are not allowed
  //   NOT_FOUND          no model of the catalogue has the name, or there is no such file
  //   PERMISSION_DENIED  the file, links followed, lies in none of the folders
  absl::StatusOr<LoadSpec> Find(std::string_view name, std::string_view path) const;

 private:
  void AddConfigured(const config::v1::InferenceWorkerConfig& config);
  void AddFolder(const std::string& folder);

  config::v1::EngineConfig engine_;  // of models that have no settings of their own
  std::vector<LoadSpec> models_;
  std::vector<std::string> folders_;
};

}  // namespace chasqui::worker
