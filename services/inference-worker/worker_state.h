// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "common/observability/log.h"
#include "services/inference-worker/generate/event_hub.h"
#include "services/inference-worker/hosting/model_host.h"
#include "services/inference-worker/hosting/model_lifecycle.h"
#include "services/inference-worker/hosting/offload.h"
#include "services/inference-worker/worker_metrics.h"

namespace chasqui::worker {

// What the worker's RPCs share. Owned by the server, outlives the calls. Thread-safe, as its parts
// are.
struct WorkerState {
  const std::string worker_id;
  ModelHost& host;
  ModelLifecycle& lifecycle;
  EventHub& hub;
  Offload& offload;     // what takes milliseconds: long prompts
  Offload& embeddings;  // what takes seconds
  WorkerMetrics& metrics;
  const observability::Logger& log;
  // Whether new requests are refused.
  std::atomic<bool> draining = false;
  // Tells the routers that something changed; any thread.
  std::function<void()> on_change;

  // OK, or UNAVAILABLE while the worker drains.
  absl::Status CheckTakesRequests() const;
  void SetDraining(bool value);
};

}  // namespace chasqui::worker
