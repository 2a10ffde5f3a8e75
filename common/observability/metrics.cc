// SPDX-License-Identifier: Apache-2.0
#include "common/observability/metrics.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "absl/base/thread_annotations.h"
#include "absl/log/check.h"
#include "absl/synchronization/mutex.h"
#include "common/observability/process_metrics.h"
#include "common/version/version.h"

namespace chasqui::observability {
namespace {

template <typename Metric>
using Families = std::map<std::string, std::unique_ptr<MetricFamily<Metric>>, std::less<>>;

}  // namespace

class Metrics::Core final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    absl::MutexLock lock(collect_mutex_);
    for (const auto& [id, collect] : collectors_) collect();
    return registry_.Collect();
  }

  template <typename Metric>
  MetricFamily<Metric>& Add(Families<Metric> Core::* families, std::string_view name,
                            std::string_view help, std::vector<std::string> labels,
                            absl::Span<const double> buckets) {
    absl::MutexLock lock(family_mutex_);
    auto& known = this->*families;
    if (const auto found = known.find(name); found != known.end()) {
      CHECK(found->second->labels() == labels) << name << " was added with other labels";
      return *found->second;
    }
    prometheus::Family<Metric>& family = prometheus::detail::Builder<Metric>()
                                             .Name(std::string(name))
                                             .Help(std::string(help))
                                             .Register(registry_);
    auto& place = known[std::string(name)];
    place = std::make_unique<MetricFamily<Metric>>(
        family, std::move(labels), std::vector<double>(buckets.begin(), buckets.end()));
    return *place;
  }

  int AddCollector(std::function<void()> collect) {
    absl::MutexLock lock(collect_mutex_);
    collectors_.emplace(++last_id_, std::move(collect));
    return last_id_;
  }

  void RemoveCollector(int id) {
    absl::MutexLock lock(collect_mutex_);
    collectors_.erase(id);
  }

  // Two locks: a collector, which runs under the first, may add metrics.
  mutable absl::Mutex collect_mutex_;
  std::map<int, std::function<void()>> collectors_ ABSL_GUARDED_BY(collect_mutex_);
  int last_id_ ABSL_GUARDED_BY(collect_mutex_) = 0;

  absl::Mutex family_mutex_;
  prometheus::Registry registry_;
  Families<Counter> counters_;
  Families<Gauge> gauges_;
  Families<Histogram> histograms_;
};

Metrics::Metrics(std::string_view service) : core_(std::make_shared<Core>()) {
  AddGauges("chasqui_build_info", "Always 1; the labels say what is running.",
            {"service", "version", "revision"})
      .With({service, version::Version(), version::Revision()})
      .Set(1);
  core_->AddCollector([process = ProcessMetrics(*this)]() mutable { process.Collect(); });
}

Metrics::~Metrics() = default;

Counter& Metrics::AddCounter(std::string_view name, std::string_view help) {
  return AddCounters(name, help, {}).With({});
}

Gauge& Metrics::AddGauge(std::string_view name, std::string_view help) {
  return AddGauges(name, help, {}).With({});
}

Histogram& Metrics::AddHistogram(std::string_view name, std::string_view help,
                                 absl::Span<const double> buckets) {
  return AddHistograms(name, help, buckets, {}).With({});
}

MetricFamily<Counter>& Metrics::AddCounters(std::string_view name, std::string_view help,
                                            std::vector<std::string> labels) {
  return core_->Add<Counter>(&Core::counters_, name, help, std::move(labels), {});
}

MetricFamily<Gauge>& Metrics::AddGauges(std::string_view name, std::string_view help,
                                        std::vector<std::string> labels) {
  return core_->Add<Gauge>(&Core::gauges_, name, help, std::move(labels), {});
}

MetricFamily<Histogram>& Metrics::AddHistograms(std::string_view name, std::string_view help,
                                                absl::Span<const double> buckets,
                                                std::vector<std::string> labels) {
  return core_->Add<Histogram>(&Core::histograms_, name, help, std::move(labels), buckets);
}

std::unique_ptr<Metrics::Collector> Metrics::OnCollect(std::function<void()> collect) {
  const int id = core_->AddCollector(std::move(collect));
  return std::unique_ptr<Collector>(new Collector(core_, id));
}

Metrics::Collector::~Collector() { core_->RemoveCollector(id_); }

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(core_->Collect());
}

std::weak_ptr<prometheus::Collectable> Metrics::collectable() const { return core_; }

}  // namespace chasqui::observability
