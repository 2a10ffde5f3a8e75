// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "common/rpc/loop.h"
#include "common/rpc/server_call.h"
#include "services/router/auth/access_rules.h"
#include "services/router/auth/authenticator.h"
#include "services/router/limits/limiter.h"
#include "services/router/request/request_record.h"

namespace chasqui::router {

// Who may ask, and how much: what stands between a request's arrival and its validation, and
// between that and its wait for a place. Where authentication is off each costs a branch. Owned by
// the RequestRunner; constant after construction, thread-safe.
class EntryControl {
 public:
  // Both outlive it.
  EntryControl(const Authenticator& authenticator, Limiter& limiter)
      : authenticator_(authenticator), limiter_(limiter) {}

  // Puts the caller into the record: see Authenticator::Authenticate. Before anything is read.
  absl::Status Identify(const rpc::ServerCall& call, RequestRecord& record) const;

  // PERMISSION_DENIED when the caller may not ask the record's model.
  absl::Status CheckModel(const RequestRecord& record) const {
    return authenticator_.CheckModel(record.caller, record.model);
  }

  // Whether the caller may ask another model in its place.
  static bool MayAsk(const RequestRecord& record, std::string_view model) {
    return record.caller.grant == nullptr || router::CheckModel(*record.caller.grant, model).ok();
  }

  // Whether the caller has quotas at all.
  static bool HasQuotas(const RequestRecord& record) {
    return record.caller.grant != nullptr && !record.caller.grant->quotas.empty();
  }
  // Charges the request's estimate to the caller's quotas: see Limiter::Admit. The record holds the
  // charge until the request has ended.
  rpc::Task<absl::Status> Charge(rpc::ServerCall& call, RequestRecord& record) const;

  // The request has ended so, its last message is not sent yet: ends the charge with the tokens
  // that were used.
  void Settle(const rpc::ServerCall& call, const absl::Status& status, RequestRecord& record) const;

 private:
  const Authenticator& authenticator_;
  Limiter& limiter_;
};

}  // namespace chasqui::router
