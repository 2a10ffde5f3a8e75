// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/request_record.h"

#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

std::string RefusalReason(const absl::Status& status) {
  std::string reason = status::ErrorReason(status);
  return reason.empty() ? absl::StatusCodeToString(status.code()) : reason;
}

}  // namespace

void Count(const RequestRecord& record, const absl::Status& status,
           const inference::v1::Usage& usage, time::SteadyTime now, RouterMetrics& metrics) {
  const std::string code = absl::StatusCodeToString(status.code());
  const time::Duration took = now - record.arrived;
  metrics.requests.With({record.method.name, record.model, code}).Increment();
  metrics.request_seconds.With({record.method.name, record.model})
      .Observe(std::chrono::duration<double>(took).count());
  if (record.refused) metrics.refused.With({RefusalReason(status)}).Increment();
  for (const auto& [kind, tokens] : {std::pair("prompt", usage.prompt_tokens()),
                                     std::pair("cached_prompt", usage.cached_prompt_tokens()),
                                     std::pair("completion", usage.completion_tokens())}) {
    if (tokens > 0) metrics.tokens.With({record.model, record.tenant, kind}).Increment(tokens);
  }
}

}  // namespace chasqui::router
