// SPDX-License-Identifier: Apache-2.0
#include "services/cache/warming/router_client.h"

#include <chrono>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/client_methods.h"
#include "common/service/settings.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;
using inference::v1::CachePolicy;
using inference::v1::GenerateRequest;
using inference::v1::StreamGenerateResponse;

constexpr char kGenerate[] = "/chasqui.inference.v1.InferenceService/StreamGenerate";
constexpr char kWatchFleet[] = "/chasqui.fleet.v1.FleetService/WatchFleet";
// Whose answers a request is for, from who may act for all.
constexpr char kTenantKey[] = "x-chasqui-answers-of";

constexpr time::Duration kAnswerTimeout = 10min;
constexpr time::Duration kFleetTimeout = 5s;

}  // namespace

absl::StatusOr<RouterClient> RouterClient::Create(const config::v1::WarmingConfig& config) {
  ABSL_ASSIGN_OR_RETURN(
      rpc::Channel channel,
      rpc::Channel::Create(config.router(), {.tls = service::ToClientTls(config.tls())}));
  return RouterClient(std::move(channel), config.api_key());
}

rpc::CallOptions RouterClient::Options() const {
  rpc::CallOptions options;
  if (!api_key_.empty()) options.metadata = {{"authorization", absl::StrCat("Bearer ", api_key_)}};
  return options;
}

rpc::Task<absl::StatusOr<RouterClient::Made>> RouterClient::Ask(rpc::Loop& loop,
                                                                GenerateRequest request,
                                                                std::string tenant, bool refresh,
                                                                rpc::ServerCall* parent) const {
  request.clear_request_id();
  request.set_priority(inference::v1::PRIORITY_LOW);
  request.mutable_cache_policy()->set_mode(refresh ? CachePolicy::MODE_REFRESH
                                                   : CachePolicy::MODE_DEFAULT);
  rpc::CallOptions options = Options();
  if (!tenant.empty()) options.metadata.emplace_back(kTenantKey, tenant);
  options.deadline = time::SteadyNow() + kAnswerTimeout;
  options.parent = parent;
  rpc::ResponseStream<StreamGenerateResponse> stream(loop, channel_, kGenerate, request,
                                                     std::move(options));
  Made made = Made::kGenerated;
  while (const std::optional<StreamGenerateResponse> event = co_await stream.Read()) {
    if (event->has_started() &&
        event->started().answer_source() != inference::v1::ANSWER_SOURCE_UNSPECIFIED) {
      made = Made::kRemembered;
    }
  }
  const absl::Status status = co_await stream.Finish();
  if (!status.ok()) co_return status;
  co_return made;
}

rpc::Task<absl::StatusOr<fleet::v1::WatchFleetResponse>> RouterClient::LookAtFleet(
    rpc::Loop& loop) const {
  rpc::CallOptions options = Options();
  options.deadline = time::SteadyNow() + kFleetTimeout;
  rpc::ResponseStream<fleet::v1::WatchFleetResponse> stream(
      loop, channel_, kWatchFleet, fleet::v1::WatchFleetRequest(), std::move(options));
  std::optional<fleet::v1::WatchFleetResponse> snapshot = co_await stream.Read();
  if (snapshot.has_value()) co_return *std::move(snapshot);
  absl::Status status = co_await stream.Finish();
  if (status.ok()) status = absl::UnavailableError("the router told nothing of its fleet");
  co_return status;
}

}  // namespace chasqui::cache
