// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "chasqui/config/v1/inference_worker_config.pb.h"
#include "services/inference-worker/hosting/model_host.h"

namespace chasqui::worker {

// Which files may be loaded: the configured models, by name, and whatever lies in the configured
// folders. Immutable, thread-safe.
class Catalogue {
 public:
  explicit Catalogue(const config::v1::InferenceWorkerConfig& config);

  // The configured models.
  const std::vector<LoadSpec>& configured() const { return configured_; }

  // What a request to load `path` under `name` means.
  //   INVALID_ARGUMENT   neither name nor path, or a name with characters that are not allowed
  //   NOT_FOUND          no configured model has the name, or there is no such file
  //   PERMISSION_DENIED  the file, links followed, lies in none of the folders
  absl::StatusOr<LoadSpec> Find(std::string_view name, std::string_view path) const;

 private:
  std::vector<LoadSpec> configured_;
  std::vector<std::string> folders_;
};

}  // namespace chasqui::worker
