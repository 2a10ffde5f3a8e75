// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "services/router/auth/grant.h"

// Who may call what; docs/security.md has the table. All functions are pure.
namespace chasqui::router {

// The role that a method asks of its caller, by its path "/package.Service/Method"; nothing: it is
// open to everybody. What is not named here is for operators, so that a service added later is
// closed until it says otherwise.
std::optional<Role> RoleFor(std::string_view path, bool open_registration);

// Whether the holder of `grant` may call the method: PERMISSION_DENIED with ROLE_NOT_ALLOWED or,
// of InferenceService, METHOD_NOT_ALLOWED.
absl::Status CheckMethod(const Grant& grant, Role role, std::string_view path);

// Whether it may ask the model: PERMISSION_DENIED with MODEL_NOT_ALLOWED.
absl::Status CheckModel(const Grant& grant, std::string_view model);

}  // namespace chasqui::router
