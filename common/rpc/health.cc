// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/health.h"

#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "common/rpc/server.h"
#include "common/rpc/server_methods.h"
#include "common/status/status.h"
#include "grpc/health/v1/health.pb.h"

namespace chasqui::rpc {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::health::v1::HealthListRequest;
using grpc::health::v1::HealthListResponse;

constexpr std::string_view kLiveness = "liveness";
// What the protocol allows a List to give.
constexpr size_t kMaxListed = 100;

HealthCheckResponse ToProto(HealthRegistry::State state) {
  HealthCheckResponse response;
  switch (state) {
    case HealthRegistry::State::kUnknown:
      response.set_status(HealthCheckResponse::SERVICE_UNKNOWN);
      break;
    case HealthRegistry::State::kServing:
      response.set_status(HealthCheckResponse::SERVING);
      break;
    case HealthRegistry::State::kNotServing:
      response.set_status(HealthCheckResponse::NOT_SERVING);
      break;
  }
  return response;
}

Task<absl::StatusOr<HealthCheckResponse>> Check(const HealthRegistry& registry,
                                                HealthCheckRequest request) {
  const HealthRegistry::State state = registry.Get(request.service());
  if (state == HealthRegistry::State::kUnknown) {
    co_return status::NotFound("health name", request.service(), "this server does not know it");
  }
  co_return ToProto(state);
}

Task<absl::StatusOr<HealthListResponse>> List(const HealthRegistry& registry) {
  const auto states = registry.All();
  if (states.size() > kMaxListed) {
    co_return status::Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_NAMES",
                            "more names than a list may have; ask for one by Check");
  }
  HealthListResponse response;
  for (const auto& [name, state] : states) {
    (*response.mutable_statuses())[name] = ToProto(state);
  }
  co_return response;
}

Task<absl::Status> Watch(HealthRegistry& registry, ServerCall& call, HealthCheckRequest request,
                         ServerWriter<HealthCheckResponse>& writer) {
  const auto watch = registry.AddWatch(call.loop());
  const CancelHook hook = call.OnCancel([&watch] { watch->Close(); });
  std::optional<HealthRegistry::State> told;
  for (;;) {
    const HealthRegistry::State now = registry.Get(request.service());
    if (now != told) {
      told = now;
      if (!co_await writer.Write(ToProto(now))) break;
    }
    if (!(co_await watch->Changed()).has_value()) break;
  }
  co_return absl::CancelledError("the watch has ended");
}

}  // namespace

void HealthRegistry::SetServing(std::string_view name, bool serving) {
  {
    absl::MutexLock lock(mutex_);
    if (shut_down_ && name != kLiveness) return;
    states_.insert_or_assign(std::string(name), serving ? State::kServing : State::kNotServing);
  }
  Notify();
}

void HealthRegistry::Remove(std::string_view name) {
  {
    absl::MutexLock lock(mutex_);
    const auto found = states_.find(name);
    if (found == states_.end()) return;
    states_.erase(found);
  }
  Notify();
}

void HealthRegistry::ShutDown() {
  {
    absl::MutexLock lock(mutex_);
    shut_down_ = true;
    for (auto& [name, state] : states_) {
      if (name != kLiveness) state = State::kNotServing;
    }
  }
  Notify();
}

HealthRegistry::State HealthRegistry::Get(std::string_view name) const {
  absl::MutexLock lock(mutex_);
  const auto found = states_.find(name);
  return found != states_.end() ? found->second : State::kUnknown;
}

std::map<std::string, HealthRegistry::State, std::less<>> HealthRegistry::All() const {
  absl::MutexLock lock(mutex_);
  return states_;
}

std::shared_ptr<HealthRegistry::Watch> HealthRegistry::AddWatch(Loop& loop) {
  auto watch = std::make_shared<Watch>(loop);
  absl::MutexLock lock(mutex_);
  std::erase_if(watches_, [](const std::weak_ptr<Watch>& old) { return old.expired(); });
  watches_.push_back(watch);
  return watch;
}

void HealthRegistry::Notify() {
  std::vector<std::shared_ptr<Watch>> watches;
  {
    absl::MutexLock lock(mutex_);
    for (const auto& weak : watches_) {
      if (auto watch = weak.lock()) watches.push_back(std::move(watch));
    }
  }
  for (auto& watch : watches) {
    Loop& loop = watch->loop_;
    loop.Post([watch = std::move(watch)] { (void)watch->changes_.TryPush(true); });
  }
}

void RegisterHealth(Server& server, HealthRegistry& registry) {
  constexpr MethodOptions kBackground = {.background = true};
  RegisterUnary<HealthCheckRequest, HealthCheckResponse>(
      server, "/grpc.health.v1.Health/Check",
      [&registry](ServerCall&, HealthCheckRequest request) {
        return Check(registry, std::move(request));
      },
      kBackground);
  RegisterUnary<HealthListRequest, HealthListResponse>(
      server, "/grpc.health.v1.Health/List",
      [&registry](ServerCall&, const HealthListRequest&) { return List(registry); }, kBackground);
  RegisterServerStream<HealthCheckRequest, HealthCheckResponse>(
      server, "/grpc.health.v1.Health/Watch",
      [&registry](ServerCall& call, HealthCheckRequest request,
                  ServerWriter<HealthCheckResponse>& writer) {
        return Watch(registry, call, std::move(request), writer);
      },
      kBackground);
}

}  // namespace chasqui::rpc
