// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/observability/metrics.h"
#include "common/time/clock.h"
#include "services/inference-worker/engine/engine.h"
#include "services/inference-worker/engine/engine_observer.h"
#include "services/inference-worker/hosting/model_host.h"

namespace chasqui::worker {

// The worker's own metrics, chasqui_worker_*, with the label `model`. Owned by the server.
// Thread-safe.
class WorkerMetrics {
 public:
  // Both outlive this.
  WorkerMetrics(observability::Metrics& metrics, const ModelHost& host);

  // The histograms of one model, to be kept while a request runs.
  struct ForModel {
    observability::Histogram& inter_token;
    observability::Histogram& time_to_first_token;
    observability::Histogram& queue;
    observability::Histogram& prefill;
    observability::Histogram& decode;
    observability::Histogram& end_to_end;
  };
  ForModel Of(const std::string& model);

  // Takes what the engine of a model measures; works for as long as the metrics it was made with.
  std::shared_ptr<EngineObserver> ObserverOf(const std::string& model);

  // An answer came to its end.
  void Finished(const std::string& model, const GenerationFinished& finished,
                time::Duration end_to_end);
  // A request was refused or failed.
  void Failed(const std::string& model, absl::StatusCode code);

 private:
  void Collect(const ModelHost& host);

  observability::MetricFamily<observability::Histogram>& inter_token_;
  observability::MetricFamily<observability::Histogram>& time_to_first_token_;
  observability::MetricFamily<observability::Histogram>& queue_;
  observability::MetricFamily<observability::Histogram>& prefill_;
  observability::MetricFamily<observability::Histogram>& decode_;
  observability::MetricFamily<observability::Histogram>& end_to_end_;
  observability::MetricFamily<observability::Histogram>& step_duration_;
  observability::MetricFamily<observability::Histogram>& step_tokens_;
  observability::MetricFamily<observability::Histogram>& step_sequences_;
  observability::MetricFamily<observability::Histogram>& cancel_to_free_;
  observability::MetricFamily<observability::Counter>& prompt_tokens_;
  observability::MetricFamily<observability::Counter>& generation_tokens_;
  observability::MetricFamily<observability::Counter>& prefix_hit_tokens_;
  observability::MetricFamily<observability::Counter>& preemptions_;
  observability::MetricFamily<observability::Counter>& finished_;
  observability::MetricFamily<observability::Counter>& failed_;
  observability::MetricFamily<observability::Gauge>& running_;
  observability::MetricFamily<observability::Gauge>& slots_;
  observability::MetricFamily<observability::Gauge>& waiting_;
  observability::MetricFamily<observability::Gauge>& kv_usage_;
  observability::MetricFamily<observability::Gauge>& host_cache_bytes_;
  // The names under which the autoscalers and gateways of the field look for these.
  observability::MetricFamily<observability::Gauge>& vllm_running_;
  observability::MetricFamily<observability::Gauge>& vllm_waiting_;
  observability::MetricFamily<observability::Gauge>& vllm_kv_usage_;
  std::unique_ptr<observability::Metrics::Collector> collector_;  // last: works on the gauges
};

}  // namespace chasqui::worker
