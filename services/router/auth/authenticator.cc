// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/authenticator.h"

#include <algorithm>
#include <utility>

#include "absl/status/status_macros.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "services/router/auth/access_rules.h"
#include "services/router/auth/auth_settings.h"
#include "services/router/auth/file_key_source.h"
#include "services/router/auth/identify.h"

namespace chasqui::router {
namespace {

constexpr char kAuthorizationKey[] = "authorization";

std::unique_ptr<const KeySource> MakeSource(const config::v1::RouterConfig& config, bool required,
                                            observability::Metrics& metrics,
                                            observability::Logger log) {
  const auto& auth = config.auth();
  if (!required || auth.keys_file().empty()) return nullptr;
  return std::make_unique<const FileKeySource>(
      FileKeySource::Options{.path = auth.keys_file(),
                             .interval = service::ToDuration(auth.reload_interval()),
                             .tenant_defaults = config.limits().tenant_defaults()},
      metrics, std::move(log));
}

}  // namespace

Authenticator::Authenticator(const config::v1::RouterConfig& config,
                             observability::Metrics& metrics, observability::Logger log,
                             const time::Clock& clock)
    : required_(AuthRequired(config)),
      open_registration_(config.auth().open_registration()),
      tenant_defaults_(config.limits().tenant_defaults()),
      clock_(clock),
      failures_(metrics.AddCounters("chasqui_router_auth_failures_total",
                                    "Calls refused because of who made them, by reason.",
                                    {"reason"})),
      keys_(MakeSource(config, required_, metrics, std::move(log))) {}

absl::StatusOr<Caller> Authenticator::Authenticate(const rpc::ServerCall& call) const {
  if (!required_) return Caller();
  return Check(call, Role::kClient);
}

absl::Status Authenticator::Guard(const rpc::ServerCall& call) const {
  if (!required_) return absl::OkStatus();
  const std::optional<Role> role = RoleFor(call.method(), open_registration_);
  if (!role.has_value()) return absl::OkStatus();
  return Check(call, *role).status();
}

absl::Status Authenticator::CheckModel(const Caller& caller, std::string_view model) const {
  if (caller.grant == nullptr) return absl::OkStatus();
  return Count(router::CheckModel(*caller.grant, model));
}

absl::StatusOr<Caller> Authenticator::Check(const rpc::ServerCall& call, Role role) const {
  Credentials credentials{.authorization = call.Metadata(kAuthorizationKey), .certificate = {}};
  if (!credentials.authorization.has_value()) credentials.certificate = call.PeerIdentity();
  absl::StatusOr<std::shared_ptr<const Grant>> grant =
      Identify(credentials, keys_.get(), tenant_defaults_, clock_.SystemNow());
  if (!grant.ok()) return Count(std::move(grant).status());
  ABSL_RETURN_IF_ERROR(Count(CheckMethod(**grant, role, call.method())));
  return Caller{.grant = *std::move(grant)};
}

absl::Status Authenticator::Count(absl::Status failure) const {
  if (!failure.ok()) failures_.With({status::ErrorReason(failure)}).Increment();
  return failure;
}

}  // namespace chasqui::router
