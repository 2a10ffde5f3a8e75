// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/quota.h"

#include <chrono>

#include "absl/strings/str_cat.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

}  // namespace

std::map<std::string_view, const config::v1::Limits*> InOrder(const MethodLimits& method_limits) {
  std::map<std::string_view, const config::v1::Limits*> ordered;
  for (const auto& entry : method_limits) ordered.emplace(entry.first, &entry.second);
  return ordered;
}

void AddQuotas(std::string_view tenant, std::string_view subject, std::string_view method,
               const config::v1::Limits& limits, Quotas& quotas) {
  const auto add = [&](std::string_view name, Counted counted, std::uint64_t units,
                       time::Duration period) {
    if (units == 0) return;
    quotas.push_back({.name = name,
                      .subject = std::string(subject),
                      .method = std::string(method),
                      .counted = counted,
                      .limit = {.units = units, .period = period},
                      .bucket = absl::StrCat("{", tenant, "}/", subject, "/", method, "/", name)});
  };
  add("requests_per_minute", Counted::kRequests, limits.requests_per_minute(), 1min);
  add("requests_per_hour", Counted::kRequests, limits.requests_per_hour(), 1h);
  add("tokens_per_minute", Counted::kTokens, limits.tokens_per_minute(), 1min);
  add("tokens_per_hour", Counted::kTokens, limits.tokens_per_hour(), 1h);
  add("concurrent_requests", Counted::kConcurrentRequests, limits.concurrent_requests(), 0s);
}

void AddQuotas(std::string_view tenant, std::string_view subject, const MethodLimits& method_limits,
               Quotas& quotas) {
  for (const auto& [method, limits] : InOrder(method_limits)) {
    AddQuotas(tenant, subject, method, *limits, quotas);
  }
}

}  // namespace chasqui::router
