// SPDX-License-Identifier: Apache-2.0
#include "services/cache/warming/warmer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/inference/remembered.h"
#include "common/rpc/one_shot.h"
#include "common/status/status.h"
#include "services/cache/warming/spare_capacity.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

constexpr int kMostRequests = 10'000;
constexpr std::uint32_t kMostAtOnce = 64;
constexpr std::size_t kMostViolations = 100;

std::string_view NameOf(const absl::StatusOr<RouterClient::Made>& made) {
  if (!made.ok()) return "failed";
  return *made == RouterClient::Made::kGenerated ? "generated" : "remembered";
}

}  // namespace

absl::Status Check(const v1::WarmRequest& request) {
  std::vector<status::FieldViolation> violations;
  if (request.requests().empty() || request.requests_size() > kMostRequests) {
    return status::InvalidArgument(
        "requests", absl::StrCat("must be 1 to 10,000, not ", request.requests_size()));
  }
  if (request.concurrency() > kMostAtOnce) {
    violations.push_back({"concurrency", absl::StrCat("must be at most ", kMostAtOnce)});
  }
  for (int i = 0; i < request.requests_size() && violations.size() < kMostViolations; ++i) {
    // Which seeds count the router knows.
    const std::string why =
        inference::WhyNotRemembered(request.requests(i), /*seeded_is_deterministic=*/true);
    if (!why.empty()) violations.push_back({absl::StrCat("requests[", i, "]"), why});
  }
  return violations.empty() ? absl::OkStatus() : status::InvalidArgument(violations);
}

Warmer::Warmer(const Options& options, RouterClient router, AnswerStore& store, TopAsked& top,
               CacheMetrics& metrics, const time::Clock& clock, observability::Logger log)
    : options_(options),
      router_(std::move(router)),
      store_(store),
      top_(top),
      metrics_(metrics),
      clock_(clock),
      log_(std::move(log)) {}

struct Warmer::Progress {
  v1::WarmRequest request;
  int next = 0;  // request to ask
  v1::WarmResponse response;
  int running = 0;
  rpc::OneShot<bool> changed;
};

rpc::Task<void> Warmer::AskNext(std::shared_ptr<Progress> progress, rpc::ServerCall& call) const {
  ++progress->running;
  while (progress->next < progress->request.requests_size() && !call.cancelled()) {
    const int index = progress->next++;
    const absl::StatusOr<RouterClient::Made> made =
        co_await router_.Ask(call.loop(), std::move(*progress->request.mutable_requests(index)),
                             progress->request.tenant(), progress->request.refresh(), &call);
    metrics_.warmed.With({"asked", NameOf(made)}).Increment();
    v1::WarmResponse& response = progress->response;
    response.set_completed(response.completed() + 1);
    if (!made.ok()) {
      response.set_failed(response.failed() + 1);
      response.set_failed_index(static_cast<std::uint32_t>(index));
      response.set_failure(std::string(made.status().message()));
    } else if (*made == RouterClient::Made::kGenerated) {
      response.set_generated(response.generated() + 1);
    } else {
      response.set_remembered(response.remembered() + 1);
    }
    progress->changed.Set(true);
  }
  --progress->running;
  progress->changed.Set(true);
}

rpc::Task<absl::Status> Warmer::Warm(rpc::ServerCall& call, v1::WarmRequest request,
                                     rpc::ServerWriter<v1::WarmResponse>& writer) const {
  if (absl::Status checked = Check(request); !checked.ok()) co_return checked;
  const auto progress = std::make_shared<Progress>();
  const int at_once = static_cast<int>(std::max(request.concurrency(), 1U));
  progress->response.set_total(static_cast<std::uint32_t>(request.requests_size()));
  progress->request = std::move(request);
  for (int i = 0; i < at_once; ++i) call.loop().Start(AskNext(progress, call));
  // The call is theirs, too: it ends when none of them runs any more.
  while (progress->running > 0) {
    co_await progress->changed;
    progress->changed.Reset();
    if (!call.cancelled()) co_await writer.Write(progress->response);
  }
  // What ended while the last was being written.
  if (!call.cancelled()) writer.WriteLast(progress->response);
  co_return absl::OkStatus();
}

rpc::Task<void> Warmer::Predict(rpc::Loop& loop) const {
  if (!options_.predictive) co_return;
  for (;;) {
    co_await loop.SleepFor(std::max<time::Duration>(options_.period / 10, 100ms));
    co_await RefreshTop(loop);
  }
}

bool Warmer::IsDue(const StoredAnswer& answer) const {
  const std::int64_t left = answer.expires_us() - ToMicros(clock_.SystemNow());
  return !answer.request().empty() && left * 100 <= answer.ttl_us() * options_.lead_percent;
}

rpc::Task<void> Warmer::RefreshTop(rpc::Loop& loop) const {
  bool told = false;
  for (const TopAsked::Entry& entry : top_.Top(options_.top, clock_.SteadyNow())) {
    if (entry.asked - entry.error < options_.min_asked) continue;
    const std::optional<AnswerStore::Hit> hit = co_await store_.Peek(loop, entry.key);
    if (!hit.has_value() || !IsDue(*hit->answer)) continue;
    const absl::StatusOr<fleet::v1::WatchFleetResponse> fleet = co_await router_.LookAtFleet(loop);
    if (!fleet.ok()) co_return;
    if (!HasSpare(*fleet, entry.model, options_.idle_percent)) continue;
    inference::v1::GenerateRequest request;
    if (!request.ParseFromString(hit->answer->request())) continue;
    const absl::StatusOr<RouterClient::Made> made = co_await router_.Ask(
        loop, std::move(request), hit->answer->tenant(), /*refresh=*/true, nullptr);
    metrics_.warmed.With({"predicted", NameOf(made)}).Increment();
    if (!made.ok() && !std::exchange(told, true)) {
      log_.Warn("an answer could not be made anew before it expires",
                {{"model", entry.model}, {"error", made.status()}});
    }
  }
}

}  // namespace chasqui::cache
