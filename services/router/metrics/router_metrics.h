// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "common/observability/metrics.h"
#include "services/router/admission/shared_fleet.h"

namespace chasqui::router {

// What the router measures; README.md lists it. Owned by the RouterServer; `metrics` outlives it.
// Thread-safe.
struct RouterMetrics {
  explicit RouterMetrics(observability::Metrics& metrics);

  observability::MetricFamily<observability::Counter>& requests;  // method, model, code
  observability::MetricFamily<observability::Counter>& refused;   // reason
  observability::MetricFamily<observability::Counter>& retries;   // model, tenant, reason
  observability::MetricFamily<observability::Counter>& moves;     // model, tenant, reason
  observability::MetricFamily<observability::Counter>& resumed;   // source
  observability::Counter& retries_denied;
  observability::MetricFamily<observability::Counter>& ejections;  // worker, model
  observability::MetricFamily<observability::Counter>& tokens;     // model, tenant, kind
  observability::MetricFamily<observability::Counter>& picks;      // worker
  observability::MetricFamily<observability::Counter>& fallbacks;  // from, to
  observability::MetricFamily<observability::Counter>& decisions;  // model, tenant, policy, reason
  observability::MetricFamily<observability::Histogram>& request_seconds;  // method, model
  observability::MetricFamily<observability::Histogram>& queue_seconds;    // model, tenant
  observability::MetricFamily<observability::Histogram>& first_token;      // model, tenant
  observability::MetricFamily<observability::Histogram>& inter_token;      // model, tenant
  observability::Histogram& overhead;
  observability::Gauge& in_flight;
  observability::MetricFamily<observability::Gauge>& queued;              // model
  observability::MetricFamily<observability::Gauge>& queued_by_priority;  // model, priority
  observability::MetricFamily<observability::Gauge>& queued_tokens;       // model, priority
  observability::MetricFamily<observability::Gauge>& running;             // model
  observability::MetricFamily<observability::Gauge>& workers;             // state
  observability::Gauge& kept_bytes;
};

// Puts the sizes of queues and fleet into their gauges, before each scrape.
void Collect(const SharedFleet& fleet, RouterMetrics& metrics);

}  // namespace chasqui::router
