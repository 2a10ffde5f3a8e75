// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/request_record.h"

#include <chrono>

#include "absl/status/status.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

std::string RefusalReason(const absl::Status& status) {
  std::string reason = status::ErrorReason(status);
  return reason.empty() ? absl::StatusCodeToString(status.code()) : reason;
}

}  // namespace

void Conclude(const RequestRecord& record, const absl::Status& status, time::SteadyTime now,
              RouterMetrics& metrics, const observability::Logger& log) {
  const std::string code = absl::StatusCodeToString(status.code());
  const time::Duration took = now - record.arrived;
  metrics.requests.With({record.method.name, record.model, code}).Increment();
  metrics.request_seconds.With({record.method.name, record.model})
      .Observe(std::chrono::duration<double>(took).count());
  if (record.refused) metrics.refused.With({RefusalReason(status)}).Increment();
  if (!log.IsOn(observability::LogLevel::kInfo)) return;
  log.Info("request", {{"method", record.method.name},
                       {"request_id", record.request_id},
                       {"tenant", record.tenant},
                       {"model", record.model},
                       {"worker", record.worker},
                       {"code", code},
                       {"error", status.message()},
                       {"attempts", record.attempts},
                       {"moves", record.moves},
                       {"seconds", took},
                       {"queue_seconds", record.queue_wait},
                       {"first_token_seconds",
                        record.progress.to_first_chunk().value_or(time::Duration::zero())},
                       {"events", record.progress.events()}});
}

}  // namespace chasqui::router
