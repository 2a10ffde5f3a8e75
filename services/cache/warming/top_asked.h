// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "common/time/clock.h"
#include "services/cache/answer/answer_key.h"

namespace chasqui::cache {

// The answers most asked for in the last whole period, by the Space-Saving algorithm (Metwally,
// Agrawal, El Abbadi 2005): a fixed number of counters, of which the least goes to whoever is not
// among them, with its count as the possible error. Whoever was asked for more often than the least
// count is among them. Thread-safe.
class TopAsked {
 public:
  struct Entry {
    AnswerKey key;
    std::string model;
    std::uint64_t asked;
    // By how much `asked` may be too high.
    std::uint64_t error;
  };

  TopAsked(std::size_t counters, time::Duration period) : counters_(counters), period_(period) {}

  void Record(const AnswerKey& key, std::string_view model, time::SteadyTime now);

  // Most asked first. Of the running period while there has been no other.
  std::vector<Entry> Top(std::size_t count, time::SteadyTime now);

 private:
  void Turn(time::SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::size_t counters_;
  const time::Duration period_;
  absl::Mutex mutex_;
  bool begun_ ABSL_GUARDED_BY(mutex_) = false;
  time::SteadyTime ends_ ABSL_GUARDED_BY(mutex_);
  std::vector<Entry> running_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<AnswerKey, std::size_t> places_ ABSL_GUARDED_BY(mutex_);  // in running_
  std::vector<Entry> last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::cache
