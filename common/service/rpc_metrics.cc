// SPDX-License-Identifier: Apache-2.0
#include "common/service/rpc_metrics.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "common/time/clock.h"

namespace chasqui::service {
namespace {

using observability::Counter;
using observability::Histogram;

// The names of the codes as gRPC's interceptors for Prometheus write them, by number.
constexpr std::array<std::string_view, 17> kCodes = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

std::vector<std::string> MethodLabels() { return {"grpc_type", "grpc_service", "grpc_method"}; }

}  // namespace

// The series of one method. An event costs an atomic addition, the end of a call a short lock of
// its histogram as well.
class RpcMetrics::Method final : public rpc::MethodObserver {
 public:
  Method(RpcMetrics& metrics, std::string_view type, std::string_view service,
         std::string_view method)
      : started_(metrics.started_.With({type, service, method})),
        received_(metrics.received_.With({type, service, method})),
        sent_(metrics.sent_.With({type, service, method})),
        seconds_(metrics.seconds_.With({type, service, method})) {
    for (std::size_t code = 0; code < kCodes.size(); ++code) {
      handled_[code] = &metrics.handled_.With({type, service, method, kCodes[code]});
    }
  }

  void OnStarted() override { started_.Increment(); }
  void OnMessageReceived() override { received_.Increment(); }
  void OnMessageSent() override { sent_.Increment(); }
  void OnHandled(absl::StatusCode code, time::Duration elapsed) override {
    const auto number = static_cast<std::size_t>(code);
    const auto unknown = static_cast<std::size_t>(absl::StatusCode::kUnknown);
    handled_[number < kCodes.size() ? number : unknown]->Increment();
    seconds_.Observe(std::chrono::duration<double>(elapsed).count());
  }

 private:
  Counter& started_;
  Counter& received_;
  Counter& sent_;
  Histogram& seconds_;
  std::array<Counter*, kCodes.size()> handled_{};
};

RpcMetrics::RpcMetrics(observability::Metrics& metrics)
    : started_(metrics.AddCounters("grpc_server_started_total", "RPCs started on the server.",
                                   MethodLabels())),
      handled_(metrics.AddCounters("grpc_server_handled_total",
                                   "RPCs completed on the server, whatever the code.",
                                   {"grpc_type", "grpc_service", "grpc_method", "grpc_code"})),
      received_(metrics.AddCounters("grpc_server_msg_received_total",
                                    "Messages received on the server.", MethodLabels())),
      sent_(metrics.AddCounters("grpc_server_msg_sent_total", "Messages sent by the server.",
                                MethodLabels())),
      seconds_(metrics.AddHistograms("grpc_server_handling_seconds",
                                     "Time from the start of an RPC to its end.",
                                     observability::kServerHandlingSeconds, MethodLabels())) {}

RpcMetrics::~RpcMetrics() = default;

rpc::MethodObserver* RpcMetrics::ForMethod(std::string_view service, std::string_view method,
                                           rpc::MethodKind kind) {
  auto series = std::make_unique<Method>(*this, rpc::ToString(kind), service, method);
  absl::MutexLock lock(mutex_);
  return methods_.emplace_back(std::move(series)).get();
}

}  // namespace chasqui::service
