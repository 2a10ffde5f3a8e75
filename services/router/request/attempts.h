// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/resilience/retry_budget.h"
#include "common/rpc/client_call.h"
#include "common/rpc/loop.h"
#include "common/rpc/server_call.h"
#include "services/router/admission/shared_fleet.h"
#include "services/router/metrics/router_metrics.h"
#include "services/router/request/request_record.h"

namespace chasqui::router {

// What attempts on workers have in common, whatever the method: the wait for a place, the options
// of the call, what is counted. Owned by the RouterServer; constant after construction and
// thread-safe.
class Attempts {
 public:
  // `policy` is its name in metrics. `fleet` and `metrics` outlive this.
  Attempts(std::string router_id, std::string policy, SharedFleet& fleet, RouterMetrics& metrics)
      : router_id_(std::move(router_id)),
        policy_(std::move(policy)),
        fleet_(fleet),
        metrics_(metrics) {}

  SharedFleet& fleet() const { return fleet_; }
  RouterMetrics& metrics() const { return metrics_; }

  // A place for the request, and how long it waited in `record`.
  rpc::Task<absl::StatusOr<Lease>> Wait(rpc::ServerCall& call, std::shared_ptr<Waiter> waiter,
                                        RequestRecord& record) const;
  // The request goes to `place`.
  void Count(const Place& place, RequestRecord& record) const;
  // The part of the retry budget that another attempt takes, to be held by its lease; nothing, and
  // counted, when the budget is spent.
  std::optional<resilience::RetryBudget::Guard> TryRetry() const;
  // Of the call to the worker that is made for `call`.
  rpc::CallOptions UpstreamOptions(rpc::ServerCall& call, const RequestRecord& record) const;

 private:
  const std::string router_id_;
  const std::string policy_;
  SharedFleet& fleet_;
  RouterMetrics& metrics_;
};

// What a client is told of an attempt that failed. A connection that could not be made or broke
// speaks in the transport's words, which mean little to a client and tell addresses: it gets ours.
// What a worker itself said is passed on as it is. `begun`: the client has a part of the answer.
absl::Status Explain(absl::Status error, bool begun, std::string_view worker);

}  // namespace chasqui::router
