// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "chasqui/config/v1/auth_config.pb.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/rpc/loop.h"
#include "common/time/clock.h"
#include "services/router/limits/local_limits.h"
#include "services/router/limits/quota.h"
#include "services/router/limits/shared_limits.h"
#include "services/router/limits/token_estimate.h"

namespace chasqui::router {

class Limiter;

// The quotas that hold for one request, by how they are taken.
struct QuotaParts {
  std::vector<const Quota*> places;  // of concurrent requests
  std::vector<Draw> draws;
};

// What one request was charged, from its admission to its end: then its places are free again, and
// its tokens are settled. Must not outlive the limiter. Thread-compatible.
class [[nodiscard]] Charge {
 public:
  Charge(Charge&& other) noexcept
      : limiter_(std::exchange(other.limiter_, nullptr)),
        places_(std::move(other.places_)),
        tokens_(std::move(other.tokens_)),
        shared_(other.shared_),
        used_(other.used_) {}
  Charge& operator=(Charge&&) = delete;
  ~Charge();

  // Whether it matters how many tokens are used.
  bool counts_tokens() const { return !tokens_.empty(); }
  // So many tokens were used. None: as many as were charged.
  void SetUsed(std::optional<std::uint64_t> tokens) { used_ = tokens; }

 private:
  friend class Limiter;
  // Holds the places of `parts`, which are taken.
  Charge(Limiter& limiter, const QuotaParts& parts);
  // Has the tokens among `drawn` settled in the end.
  void Keep(const QuotaParts& parts, std::vector<Drawn> drawn, bool shared);

  Limiter* limiter_;  // null once moved from
  std::vector<std::string> places_;
  std::vector<Drawn> tokens_;
  bool shared_ = false;  // where it was drawn
  std::optional<std::uint64_t> used_ = 0;
};

// What is to be counted.
struct Counting {
  std::string_view tenant;
  std::string_view method;  // "StreamGenerate"
  TokenEstimate tokens;
};

// Admits requests within their quotas: all of them are charged together, or none is. Rates are
// counted in Redis where one is configured and there, else here; requests under way always here.
// Owned by the RouterServer; destroyed after its loops have stopped and before they are.
// Thread-safe.
class Limiter {
 public:
  // `metrics` and `clock` outlive it.
  Limiter(const config::v1::LimitsConfig& config, observability::Metrics& metrics,
          observability::Logger log, const time::Clock& clock);

  // Charges one request to those of `quotas` that hold for it, which outlive the task, as the texts
  // of `counting` do. Confined to `loop`. RESOURCE_EXHAUSTED with the reason QUOTA_EXCEEDED names
  // the quota in QuotaFailure and tells in RetryInfo when it has room.
  rpc::Task<absl::StatusOr<Charge>> Admit(rpc::Loop& loop, const Quotas& quotas, Counting counting);

  // What a request of this estimate is charged.
  std::uint64_t ChargedTokens(const TokenEstimate& tokens) const {
    return tokens.prompt + tokens.answer + tokens.open_answers * assumed_answer_tokens_;
  }

  // Ends the connection to Redis. After the loops have stopped; nobody may ask from then on.
  void Stop() { shared_.reset(); }

 private:
  friend class Charge;

  QuotaParts Select(const Quotas& quotas, const Counting& counting) const;
  absl::Status Refuse(const Quota& quota, std::optional<time::Duration> retry_after,
                      const Counting& counting) const;

  const std::uint64_t assumed_answer_tokens_;
  observability::MetricFamily<observability::Counter>& limited_;  // tenant, limit
  observability::Counter& fallbacks_;
  LocalLimits local_;
  std::unique_ptr<SharedLimits> shared_;  // null: there is no Redis
};

}  // namespace chasqui::router
