// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace prometheus {
class Counter;
class Gauge;
}  // namespace prometheus

namespace chasqui::observability {

class Metrics;

// The metrics every Prometheus client has of its own process: process_cpu_seconds_total,
// process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds, process_max_fds,
// process_threads and process_start_time_seconds, read from /proc. What cannot be read stays as it
// was. Internal to common/observability; thread-compatible.
class ProcessMetrics {
 public:
  explicit ProcessMetrics(Metrics& metrics);

  // Reads them now.
  void Collect();

 private:
  prometheus::Counter& cpu_seconds_;
  prometheus::Gauge& resident_bytes_;
  prometheus::Gauge& virtual_bytes_;
  prometheus::Gauge& open_fds_;
  prometheus::Gauge& max_fds_;
  prometheus::Gauge& threads_;
  prometheus::Gauge& start_seconds_;
};

}  // namespace chasqui::observability
