// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/limiter.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Far more than there are keys and quotas; certificates are not counted by us.
constexpr std::size_t kMostBuckets = 200'000;
// Nobody knows when a running request ends.
constexpr milliseconds kRetryWhenOthersEnd = 1s;

std::string PeriodName(const resilience::GcraLimit& limit) {
  return limit.period == 1h ? "an hour" : "a minute";
}

}  // namespace

Charge::Charge(Limiter& limiter, const QuotaParts& parts) : limiter_(&limiter) {
  places_.reserve(parts.places.size());
  for (const Quota* place : parts.places) places_.push_back(place->bucket);
}

// Only tokens are settled: a request is a request.
void Charge::Keep(const QuotaParts& parts, std::vector<Drawn> drawn, bool shared) {
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    if (parts.draws[i].quota->counted == Counted::kTokens) tokens_.push_back(std::move(drawn[i]));
  }
  shared_ = shared;
}

Charge::~Charge() {
  if (limiter_ == nullptr) return;
  if (!places_.empty()) limiter_->local_.Leave(places_);
  if (tokens_.empty() || !used_.has_value()) return;
  if (!shared_) {
    limiter_->local_.Settle(tokens_, *used_);
  } else if (limiter_->shared_ != nullptr) {
    limiter_->shared_->Settle(tokens_, *used_);
  }
}

Limiter::Limiter(const config::v1::LimitsConfig& config, observability::Metrics& metrics,
                 observability::Logger log, const time::Clock& clock)
    : assumed_answer_tokens_(config.assumed_answer_tokens()),
      limited_(metrics.AddCounters("chasqui_router_limited_total",
                                   "Requests refused because a quota was used up.",
                                   {"tenant", "limit"})),
      fallbacks_(metrics.AddCounter("chasqui_router_limits_fallbacks_total",
                                    "Requests counted by this router alone because Redis was "
                                    "away or slow.")),
      local_(kMostBuckets, clock) {
  if (!config.redis().address().empty()) {
    shared_ = std::make_unique<SharedLimits>(config.redis(), metrics, std::move(log));
  }
}

rpc::Task<absl::StatusOr<Charge>> Limiter::Admit(rpc::Loop& loop, const Quotas& quotas,
                                                 Counting counting) {
  const QuotaParts parts = Select(quotas, counting);
  std::vector<Drawn> drawn;
  const bool ask_redis = shared_ != nullptr && !parts.draws.empty();
  const std::span<const Draw> local_draws =
      ask_redis ? std::span<const Draw>() : std::span<const Draw>(parts.draws);
  if (const auto refusal = local_.Take(parts.places, local_draws, drawn)) {
    co_return Refuse(*refusal->quota, refusal->retry_after, counting);
  }
  // Leaves the places again should Redis refuse.
  Charge charge(*this, parts);
  if (!ask_redis) {
    charge.Keep(parts, std::move(drawn), /*shared=*/false);
    co_return charge;
  }
  absl::StatusOr<TakeAnswer> answer = co_await shared_->Take(loop, parts.draws);
  if (answer.ok() && answer->shortage) {
    co_return Refuse(*parts.draws[answer->shortage->draw].quota, answer->shortage->retry_after,
                     counting);
  }
  if (answer.ok()) {
    charge.Keep(parts, std::move(answer->drawn), /*shared=*/true);
    co_return charge;
  }
  fallbacks_.Increment();
  if (const auto refusal = local_.Take({}, parts.draws, drawn)) {
    co_return Refuse(*refusal->quota, refusal->retry_after, counting);
  }
  charge.Keep(parts, std::move(drawn), /*shared=*/false);
  co_return charge;
}

QuotaParts Limiter::Select(const Quotas& quotas, const Counting& counting) const {
  QuotaParts parts;
  const std::uint64_t tokens = ChargedTokens(counting.tokens);
  for (const Quota& quota : quotas) {
    if (!quota.method.empty() && quota.method != counting.method) continue;
    switch (quota.counted) {
      case Counted::kConcurrentRequests:
        parts.places.push_back(&quota);
        break;
      case Counted::kRequests:
        parts.draws.push_back({.quota = &quota, .units = 1});
        break;
      case Counted::kTokens:
        if (tokens > 0) parts.draws.push_back({.quota = &quota, .units = tokens});
        break;
    }
  }
  return parts;
}

absl::Status Limiter::Refuse(const Quota& quota, std::optional<time::Duration> retry_after,
                             const Counting& counting) const {
  limited_.With({counting.tenant, quota.name}).Increment();
  std::string message = absl::StrCat(quota.name, " of ", quota.subject);
  if (!quota.method.empty()) absl::StrAppend(&message, " for ", quota.method);
  absl::StrAppend(&message, ": ", quota.limit.units);
  if (retry_after) {
    absl::StrAppend(&message, " ", PeriodName(quota.limit), " are used up");
  } else {
    absl::StrAppend(&message, " are under way");
  }
  return status::QuotaExceeded(
      "QUOTA_EXCEEDED", message, quota.subject,
      retry_after ? std::chrono::ceil<milliseconds>(*retry_after) : kRetryWhenOthersEnd);
}

}  // namespace chasqui::router
