// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chasqui/config/v1/router_config.pb.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/rpc/server_call.h"
#include "common/time/clock.h"
#include "services/router/auth/grant.h"
#include "services/router/auth/key_source.h"

namespace chasqui::router {

// Tells who calls and whether they may, before anything of a request is read. Where authentication
// is off everybody may do everything, and it costs a branch. Owned by the RouterServer; constant
// after construction, thread-safe.
class Authenticator {
 public:
  // `metrics` and `clock` outlive it.
  Authenticator(const config::v1::RouterConfig& config, observability::Metrics& metrics,
                observability::Logger log, const time::Clock& clock);

  // Who makes this call of InferenceService, once it is allowed:
  //   UNAUTHENTICATED    see Identify
  //   PERMISSION_DENIED  see CheckMethod
  absl::StatusOr<Caller> Authenticate(const rpc::ServerCall& call) const;

  // Whether a call of any method is allowed: the same errors. For methods whose handlers do not
  // want to know who calls.
  absl::Status Guard(const rpc::ServerCall& call) const;

  // PERMISSION_DENIED when the caller may not ask the model.
  absl::Status CheckModel(const Caller& caller, std::string_view model) const;

  bool required() const { return required_; }

 private:
  absl::StatusOr<Caller> Check(const rpc::ServerCall& call, Role role) const;
  absl::Status Count(absl::Status failure) const;

  const bool required_;
  const bool open_registration_;
  const config::v1::Limits tenant_defaults_;
  const time::Clock& clock_;
  observability::MetricFamily<observability::Counter>& failures_;  // reason
  const std::unique_ptr<const KeySource> keys_;                    // null: there is no file of keys
};

}  // namespace chasqui::router
