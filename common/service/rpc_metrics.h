// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/observability/metrics.h"
#include "common/rpc/observer.h"

namespace chasqui::service {

// Counts the calls of a server under the names that dashboards and alerts for gRPC know:
// grpc_server_started_total, grpc_server_handled_total{grpc_code}, grpc_server_handling_seconds and
// grpc_server_msg_{received,sent}_total, each with grpc_type, grpc_service and grpc_method. A
// method's series exist from its registration on, so that rates begin at zero. Owned by the
// composition root, declared before the server. Thread-safe.
class RpcMetrics final : public rpc::ServerObserver {
 public:
  // `metrics` outlives this.
  explicit RpcMetrics(observability::Metrics& metrics);
  ~RpcMetrics() override;

  rpc::MethodObserver* ForMethod(std::string_view service, std::string_view method,
                                 rpc::MethodKind kind) override;

 private:
  class Method;

  observability::MetricFamily<observability::Counter>& started_;
  observability::MetricFamily<observability::Counter>& handled_;
  observability::MetricFamily<observability::Counter>& received_;
  observability::MetricFamily<observability::Counter>& sent_;
  observability::MetricFamily<observability::Histogram>& seconds_;
  absl::Mutex mutex_;
  std::vector<std::unique_ptr<Method>> methods_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::service
