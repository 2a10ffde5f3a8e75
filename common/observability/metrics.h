// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include "absl/types/span.h"
#include "common/observability/buckets.h"
#include "common/observability/metric_family.h"

namespace prometheus {
class Collectable;
}

namespace chasqui::observability {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

// The metrics of a process, which begin with process_* and chasqui_build_info. Made once by the
// composition root, outlives all that measure. References it gives live as long as it does: keep
// them where the path is hot, an increment is then one atomic operation. Asking twice for a name
// gives the same metric; its kind and labels must then be the same, too. Thread-safe.
//
//   Counter& refused = metrics.AddCounter("chasqui_router_refused_total", "Requests refused.");
//   auto& requests = metrics.AddCounters("chasqui_router_requests_total", "Requests.", {"model"});
//   requests.With({model}).Increment();
class Metrics {
 public:
  explicit Metrics(std::string_view service);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& AddCounter(std::string_view name, std::string_view help);
  Gauge& AddGauge(std::string_view name, std::string_view help);
  Histogram& AddHistogram(std::string_view name, std::string_view help,
                          absl::Span<const double> buckets);

  // The same with labels. A family holds at most kMostSeries series: see MetricFamily.
  MetricFamily<Counter>& AddCounters(std::string_view name, std::string_view help,
                                     std::vector<std::string> labels);
  MetricFamily<Gauge>& AddGauges(std::string_view name, std::string_view help,
                                 std::vector<std::string> labels);
  MetricFamily<Histogram>& AddHistograms(std::string_view name, std::string_view help,
                                         absl::Span<const double> buckets,
                                         std::vector<std::string> labels);

  // Runs `collect` before each scrape, on the scrape's thread, until the handle is destroyed (which
  // waits for a running one): for gauges that are cheaper to read than to keep. It must be quick
  // and must not add or remove other collectors.
  class Collector;
  [[nodiscard]] std::unique_ptr<Collector> OnCollect(std::function<void()> collect);

  // What a scrape would see now, in Prometheus' text format.
  std::string Text() const;

  // For the endpoint.
  std::weak_ptr<prometheus::Collectable> collectable() const;

 private:
  class Core;
  const std::shared_ptr<Core> core_;
};

// The handle of OnCollect.
class Metrics::Collector {
 public:
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

 private:
  friend class Metrics;
  Collector(std::shared_ptr<Core> core, int id) : core_(std::move(core)), id_(id) {}
  const std::shared_ptr<Core> core_;
  const int id_;
};

}  // namespace chasqui::observability
