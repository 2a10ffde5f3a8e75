// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/attempts.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "common/time/clock.h"
#include "services/router/policy/policy.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

constexpr char kRequestIdKey[] = "x-request-id";
constexpr char kRouterIdKey[] = "x-chasqui-router-id";
constexpr char kTraceKey[] = "traceparent";
constexpr std::chrono::milliseconds kRetryAfterFailure = 1s;

double Seconds(time::Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

rpc::Task<absl::StatusOr<Lease>> Attempts::Wait(rpc::ServerCall& call,
                                                std::shared_ptr<Waiter> waiter,
                                                RequestRecord& record) const {
  const time::SteadyTime since = time::SteadyNow();
  absl::StatusOr<Lease> lease = co_await fleet_.Acquire(call, waiter);
  const time::SteadyTime now = time::SteadyNow();
  record.queue_wait += now - since;
  if (waiter->refusable) {  // the first time
    if (record.method.takes_slot) {
      metrics_.queue_seconds.With({record.model, record.tenant}).Observe(Seconds(now - since));
    }
    if (lease.ok()) metrics_.overhead.Observe(Seconds(since - record.arrived));
  }
  co_return lease;
}

void Attempts::Count(const Place& place, RequestRecord& record) const {
  ++record.attempts;
  record.worker = place.member->worker_id;
  absl::StrAppend(&record.workers, record.workers.empty() ? "" : ",", record.worker);
  metrics_.picks.With({record.worker}).Increment();
  metrics_.decisions.With({record.model, record.tenant, policy_, ReasonName(place.reason)})
      .Increment();
}

std::optional<resilience::RetryBudget::Guard> Attempts::TryRetry() const {
  auto retry = fleet_.retry_budget().TryRetry();
  if (!retry.has_value()) metrics_.retries_denied.Increment();
  return retry;
}

rpc::CallOptions Attempts::UpstreamOptions(rpc::ServerCall& call,
                                           const RequestRecord& record) const {
  rpc::CallOptions options;
  options.parent = &call;
  options.metadata = {{kRouterIdKey, router_id_}, {kRequestIdKey, record.request_id}};
  if (const auto trace = call.Metadata(kTraceKey)) options.metadata.emplace_back(kTraceKey, *trace);
  return options;
}

absl::Status Explain(absl::Status error, bool begun, std::string_view worker) {
  if (!absl::IsUnavailable(error) || !status::ErrorReason(error).empty()) return error;
  return begun ? status::Unavailable(
                     "WORKER_LOST",
                     absl::StrCat("worker '", worker, "' was lost in the middle of the answer"),
                     kRetryAfterFailure)
               : status::Unavailable("WORKER_UNREACHABLE",
                                     absl::StrCat("worker '", worker, "' cannot be reached"),
                                     kRetryAfterFailure);
}

}  // namespace chasqui::router
