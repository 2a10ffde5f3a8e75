// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/map.h>

#include "chasqui/config/v1/auth_config.pb.h"
#include "common/resilience/gcra.h"

namespace chasqui::router {

// What a quota counts.
enum class Counted : std::uint8_t { kRequests, kTokens, kConcurrentRequests };

// One limit of a tenant, key or certificate. A value.
struct Quota {
  // "tokens_per_minute", as it is configured: the label of metrics.
  std::string_view name;
  // Whose: "tenant:team-a", "key:0123456789ab".
  std::string subject;
  // The one method it holds for; empty: all.
  std::string method;
  Counted counted = Counted::kRequests;
  // Of kConcurrentRequests only the units count.
  resilience::GcraLimit limit;
  // Names what is used of it, here and in Redis.
  std::string bucket;
};

using Quotas = std::vector<Quota>;

// Limits by method, as they are configured.
using MethodLimits = google::protobuf::Map<std::string, config::v1::Limits>;
// In the order of the methods' names; that of the map is chance. Refers to the map.
std::map<std::string_view, const config::v1::Limits*> InOrder(const MethodLimits& method_limits);

// Adds the quotas that `limits` makes for `subject`. `tenant` stands in the names of their buckets,
// between braces: to a Redis cluster all of a request's buckets are of one slot.
void AddQuotas(std::string_view tenant, std::string_view subject, std::string_view method,
               const config::v1::Limits& limits, Quotas& quotas);
void AddQuotas(std::string_view tenant, std::string_view subject, const MethodLimits& method_limits,
               Quotas& quotas);

}  // namespace chasqui::router
