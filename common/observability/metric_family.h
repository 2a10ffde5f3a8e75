// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/family.h>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/log/check.h"
#include "absl/synchronization/mutex.h"

namespace chasqui::observability {

// Metrics of one name that differ in the values of their labels. Owned by Metrics. Thread-safe.
//
// What clients send must not fill the memory: beyond kMostSeries series all further label values
// count as the one series whose values are all "other".
template <typename Metric>
class MetricFamily {
 public:
  static constexpr std::size_t kMostSeries = 1000;

  // `family` outlives this. `buckets` is for histograms only.
  MetricFamily(prometheus::Family<Metric>& family, std::vector<std::string> labels,
               std::vector<double> buckets)
      : family_(family), labels_(std::move(labels)), buckets_(std::move(buckets)) {}

  // The series with these values, one for each label. Takes a lock and hashes the values: on a hot
  // path keep the reference, which lives until Remove() or the end of Metrics.
  Metric& With(std::initializer_list<std::string_view> values) {
    CHECK_EQ(values.size(), labels_.size()) << "labels of " << family_.GetName();
    const Key key = KeyOf(values);
    const std::string_view text(key.data(), key.size());
    absl::MutexLock lock(mutex_);
    if (const auto found = series_.find(text); found != series_.end()) return *found->second;
    if (series_.size() >= kMostSeries) return Other();
    return *(series_[text] = &Create({values.begin(), values.end()}));
  }

  // Ends a series, such as that of a worker that left; references to it are then dangling.
  void Remove(std::initializer_list<std::string_view> values) {
    const Key key = KeyOf(values);
    absl::MutexLock lock(mutex_);
    const auto found = series_.find(std::string_view(key.data(), key.size()));
    if (found == series_.end()) return;
    family_.Remove(found->second);
    series_.erase(found);
  }

  const std::vector<std::string>& labels() const { return labels_; }

 private:
  using Key = absl::InlinedVector<char, 120>;

  // Label values are text: a zero byte after each keeps ("a", "bc") and ("ab", "c") apart.
  static Key KeyOf(std::initializer_list<std::string_view> values) {
    Key key;
    for (const std::string_view value : values) {
      key.insert(key.end(), value.begin(), value.end());
      key.push_back('\0');
    }
    return key;
  }

  Metric& Create(const std::vector<std::string>& values) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::map<std::string, std::string> labels;
    for (std::size_t i = 0; i < values.size(); ++i) labels[labels_[i]] = values[i];
    if constexpr (requires { typename Metric::BucketBoundaries; }) {
      return family_.Add(labels, buckets_);
    } else {
      return family_.Add(labels);
    }
  }

  Metric& Other() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (other_ == nullptr) {
      other_ = &Create(std::vector<std::string>(labels_.size(), "other"));
    }
    return *other_;
  }

  prometheus::Family<Metric>& family_;
  const std::vector<std::string> labels_;
  const std::vector<double> buckets_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Metric*> series_ ABSL_GUARDED_BY(mutex_);
  Metric* other_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace chasqui::observability
