// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/cache/memory/hit_ratio.h"

#include <cstdint>
#include <vector>

#include "services/cache/memory/s3_fifo.h"
#include "tests/bench/cache/memory/lru.h"
#include "tests/bench/cache/memory/trace.h"
#include "tests/support/cache/answers.h"

namespace chasqui::bench {
namespace {

struct Found {
  std::uint64_t hits = 0;
  double saved_seconds = 0;
  double all_seconds = 0;
};

// `find` tells whether it is there, `insert` puts it in.
template <typename Find, typename Insert>
Found Replay(const Trace& trace, const std::vector<cache::AnswerKey>& keys, Find find,
             Insert insert) {
  Found found;
  for (const std::uint32_t i : trace.requests) {
    const Item& item = trace.items[i];
    found.all_seconds += item.cost_seconds;
    if (find(keys[i])) {
      ++found.hits;
      found.saved_seconds += item.cost_seconds;
    } else {
      insert(keys[i], item);
    }
  }
  return found;
}

Found ReplayS3Fifo(const Trace& trace, const std::vector<cache::AnswerKey>& keys,
                   std::size_t max_bytes, bool weigh_cost) {
  cache::S3Fifo<int> fifo(max_bytes, weigh_cost);
  return Replay(
      trace, keys, [&](const cache::AnswerKey& key) { return fifo.Find(key) != nullptr; },
      [&](const cache::AnswerKey& key, const Item& item) {
        fifo.Insert(key, 0, item.bytes, item.cost_seconds);
      });
}

Found ReplayLru(const Trace& trace, const std::vector<cache::AnswerKey>& keys,
                std::size_t max_bytes) {
  Lru<int> lru(max_bytes);
  return Replay(
      trace, keys, [&](const cache::AnswerKey& key) { return lru.Find(key) != nullptr; },
      [&](const cache::AnswerKey& key, const Item& item) { lru.Insert(key, 0, item.bytes); });
}

nlohmann::json Report(const Trace& trace, const Found& found) {
  return {
      {"hit_ratio", static_cast<double>(found.hits) / static_cast<double>(trace.requests.size())},
      {"saved_ratio", found.saved_seconds / found.all_seconds},
      {"saved_seconds", found.saved_seconds}};
}

}  // namespace

nlohmann::json MeasureHitRatio() {
  const Trace trace = MakeTrace({});
  std::vector<cache::AnswerKey> keys;
  for (std::size_t i = 0; i < trace.items.size(); ++i) keys.push_back(testing::KeyNumber(i));
  nlohmann::json sizes = nlohmann::json::array();
  for (const std::size_t percent : {1, 10}) {
    const std::size_t max_bytes = trace.footprint_bytes / 100 * percent;
    sizes.push_back(
        {{"cache_percent", percent},
         {"s3_fifo", Report(trace, ReplayS3Fifo(trace, keys, max_bytes, /*weigh_cost=*/false))},
         {"s3_fifo_weighing_cost",
          Report(trace, ReplayS3Fifo(trace, keys, max_bytes, /*weigh_cost=*/true))},
         {"lru", Report(trace, ReplayLru(trace, keys, max_bytes))}});
  }
  return sizes;
}

}  // namespace chasqui::bench
