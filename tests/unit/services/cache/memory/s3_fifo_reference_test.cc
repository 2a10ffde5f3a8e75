// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <list>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "services/cache/memory/s3_fifo.h"
#include "tests/support/cache/answers.h"

namespace chasqui::cache {
namespace {

using testing::KeyNumber;

// S3-FIFO written down as the paper has it, with lists that are searched from end to end, in bytes.
// `weigh_cost` as in S3Fifo.
class Reference {
 public:
  Reference(std::size_t max_bytes, bool weigh_cost)
      : max_bytes_(max_bytes), weigh_cost_(weigh_cost) {}

  bool Find(int id) {
    Entry* entry = Look(id);
    if (entry == nullptr) return false;
    entry->freq = std::min(entry->freq + 1, 3);
    entry->second_round = false;
    return true;
  }

  void Insert(int id, std::size_t bytes, double cost) {
    const bool was_small = Contains(small_, id);
    const bool was_main = Contains(main_, id);
    const int freq = was_small || was_main ? Look(id)->freq : 0;
    Erase(id);
    if (bytes > max_bytes_) return;
    while (Bytes(small_) + Bytes(main_) + bytes > max_bytes_) Evict();
    const bool in_ghost =
        std::ranges::any_of(ghost_, [&](Ghost& g) { return g.live && g.id == id; });
    const bool to_main = was_main || (!was_small && in_ghost);
    if (!was_main && !was_small) Forget(id);
    const double per_byte = cost / static_cast<double>(bytes);
    average_ = average_ == 0 ? per_byte : average_ + (per_byte - average_) / 256;
    (to_main ? main_ : small_).push_front({.id = id, .bytes = bytes, .cost = cost, .freq = freq});
  }

  void Erase(int id) {
    for (Queue* queue : {&small_, &main_}) {
      queue->remove_if([&](const Entry& entry) { return entry.id == id; });
    }
  }

  std::set<int> ids() const {
    std::set<int> ids;
    for (const Queue* queue : {&small_, &main_}) {
      for (const Entry& entry : *queue) ids.insert(entry.id);
    }
    return ids;
  }
  std::size_t bytes() const { return Bytes(small_) + Bytes(main_); }

 private:
  struct Entry {
    int id;
    std::size_t bytes;
    double cost;
    int freq;
    bool second_round = false;
  };
  using Queue = std::list<Entry>;
  struct Ghost {
    int id;
    bool live = true;
  };

  static std::size_t Bytes(const Queue& queue) {
    std::size_t bytes = 0;
    for (const Entry& entry : queue) bytes += entry.bytes;
    return bytes;
  }
  static bool Contains(const Queue& queue, int id) {
    return std::ranges::any_of(queue, [&](const Entry& entry) { return entry.id == id; });
  }
  Entry* Look(int id) {
    for (Queue* queue : {&small_, &main_}) {
      for (Entry& entry : *queue) {
        if (entry.id == id) return &entry;
      }
    }
    return nullptr;
  }
  void Forget(int id) {
    for (Ghost& ghost : ghost_) {
      if (ghost.id == id) ghost.live = false;
    }
  }

  bool GetsSecondRound(Entry& entry) const {
    const bool dear = entry.cost > average_ * static_cast<double>(entry.bytes);
    if (!weigh_cost_ || entry.second_round || !dear) return false;
    return entry.second_round = true;
  }

  void Evict() {
    const bool small_has_its_part = 10 * Bytes(small_) >= max_bytes_;
    if (!small_.empty() && (small_has_its_part || main_.empty())) {
      EvictSmall();
    } else {
      EvictMain();
    }
  }

  void EvictSmall() {
    for (bool evicted = false; !evicted && !small_.empty();) {
      Entry tail = small_.back();
      small_.pop_back();
      if (tail.freq > 1) {
        tail.freq = 0;
        main_.push_front(tail);
        while (Bytes(main_) > max_bytes_ - max_bytes_ / 10) EvictMain();
      } else if (GetsSecondRound(tail)) {
        small_.push_front(tail);
      } else {
        Forget(tail.id);
        ghost_.push_back({.id = tail.id});
        while (ghost_.size() > std::max<std::size_t>(main_.size(), 16)) ghost_.pop_front();
        evicted = true;
      }
    }
  }

  void EvictMain() {
    for (bool evicted = false; !evicted && !main_.empty();) {
      Entry tail = main_.back();
      main_.pop_back();
      if (tail.freq > 0) {
        --tail.freq;
        main_.push_front(tail);
      } else if (GetsSecondRound(tail)) {
        main_.push_front(tail);
      } else {
        evicted = true;
      }
    }
  }

  const std::size_t max_bytes_;
  const bool weigh_cost_;
  Queue small_;  // newest first
  Queue main_;
  std::list<Ghost> ghost_;  // oldest first
  double average_ = 0;
};

class S3FifoTrace : public ::testing::TestWithParam<bool> {};

// Numbers of which the low ones come often.
int Skewed(std::mt19937_64& random, int ids) {
  const double u = std::uniform_real_distribution<>(0, 1)(random);
  return static_cast<int>(u * u * u * ids);
}

TEST_P(S3FifoTrace, HoldsWhatTheReferenceHoldsAfterEachOperation) {
  constexpr int kIds = 120;
  std::vector<AnswerKey> keys;
  for (int id = 0; id < kIds; ++id) keys.push_back(KeyNumber(id));
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    const std::size_t max_bytes = 500 + random() % 4000;
    S3Fifo<int> fifo(max_bytes, GetParam());
    Reference reference(max_bytes, GetParam());
    for (int step = 0; step < 1500; ++step) {
      const int id = Skewed(random, kIds);
      const std::uint64_t dice = random() % 100;
      if (dice < 3) {
        fifo.Erase(keys[id]);
        reference.Erase(id);
      } else if (dice < 50) {
        ASSERT_EQ(fifo.Find(keys[id]) != nullptr, reference.Find(id))
            << "seed " << seed << ", step " << step << ", id " << id;
      } else {
        const std::size_t bytes = 1 + random() % (random() % 20 == 0 ? max_bytes + 100 : 200);
        const auto cost = static_cast<double>(random() % 1000);
        fifo.Insert(keys[id], id, bytes, cost);
        reference.Insert(id, bytes, cost);
      }
      ASSERT_LE(fifo.bytes(), max_bytes);
      ASSERT_EQ(fifo.bytes(), reference.bytes()) << "seed " << seed << ", step " << step;
      ASSERT_EQ(fifo.size(), reference.ids().size()) << "seed " << seed << ", step " << step;
      for (const int held : reference.ids()) {
        ASSERT_TRUE(fifo.Contains(keys[held]))
            << "seed " << seed << ", step " << step << ", id " << held;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cost, S3FifoTrace, ::testing::Bool(), [](const auto& kind) {
  return std::string(kind.param ? "Weighed" : "NotWeighed");
});

}  // namespace
}  // namespace chasqui::cache
