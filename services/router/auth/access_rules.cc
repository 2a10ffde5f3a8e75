// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/access_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

constexpr std::string_view kInference = "/chasqui.inference.v1.InferenceService/";
constexpr std::string_view kRegistration = "/chasqui.fleet.v1.RegistrationService/";
constexpr std::string_view kHealth = "/grpc.health.v1.Health/";

std::string_view NameOf(Role role) {
  switch (role) {
    case Role::kClient:
      return "client";
    case Role::kOperator:
      return "operator";
    case Role::kWorker:
      return "worker";
  }
  return "";
}

}  // namespace

std::optional<Role> RoleFor(std::string_view path, bool open_registration) {
  if (path.starts_with(kHealth)) return std::nullopt;
  if (path.starts_with(kInference)) return Role::kClient;
  if (!path.starts_with(kRegistration)) return Role::kOperator;
  if (open_registration) return std::nullopt;
  return Role::kWorker;
}

absl::Status CheckMethod(const Grant& grant, Role role, std::string_view path) {
  if (!grant.roles.Has(role)) {
    return status::Error(absl::StatusCode::kPermissionDenied, "ROLE_NOT_ALLOWED",
                         absl::StrCat("this needs the role '", NameOf(role), "'"));
  }
  if (grant.methods.empty() || !path.starts_with(kInference)) return absl::OkStatus();
  const std::string_view method = path.substr(kInference.size());
  if (std::ranges::binary_search(grant.methods, method)) return absl::OkStatus();
  return status::Error(absl::StatusCode::kPermissionDenied, "METHOD_NOT_ALLOWED",
                       absl::StrCat("the method '", method, "' is not among those allowed here"));
}

absl::Status CheckModel(const Grant& grant, std::string_view model) {
  if (grant.models.empty() || std::ranges::binary_search(grant.models, model)) {
    return absl::OkStatus();
  }
  return status::Error(absl::StatusCode::kPermissionDenied, "MODEL_NOT_ALLOWED",
                       absl::StrCat("the model '", model, "' is not among those allowed here"));
}

}  // namespace chasqui::router
