// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chasqui/config/v1/router_config.pb.h"
#include "services/router/admission/shared_fleet.h"
#include "services/router/request/inference_method.h"

namespace chasqui::router {

// The models that answer in place of others. Owned by the RequestRunner; constant after
// construction, thus thread-safe.
class Fallbacks {
 public:
  explicit Fallbacks(const config::v1::ModelsConfig& config);

  // In their order; empty when there are none.
  std::span<const std::string> For(std::string_view model) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> by_model_;
};

// Which model answers one request: the one it names, or one that its requirements choose, and,
// while nobody has begun to answer, those in its place. A local of the request's coroutine.
class ModelChoice {
 public:
  // `fleet` and `fallbacks` outlive it.
  ModelChoice(const Asked& asked, bool may_fall_back, const SharedFleet& fleet,
              const Fallbacks& fallbacks);

  // The model's own name. Errors are those of Dispatcher::Resolve and SelectModel.
  absl::StatusOr<std::string> First();
  // Who answers in place of the model so far, when `failure` says that nobody is left for it.
  std::optional<std::string> Instead(const absl::Status& failure);

 private:
  const SharedFleet& fleet_;
  const Fallbacks& fallbacks_;
  const std::string asked_;
  const std::optional<inference::v1::ModelRequirements> requirements_;
  const bool may_fall_back_;
  std::string current_;  // the own name; empty: not known
  std::span<const std::string> instead_;
  bool fell_back_ = false;  // whether instead_ is what is left of the list
};

}  // namespace chasqui::router
