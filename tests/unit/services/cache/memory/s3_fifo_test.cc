// SPDX-License-Identifier: Apache-2.0
#include "services/cache/memory/s3_fifo.h"

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/services/cache/answers.h"

namespace chasqui::cache {
namespace {

// S3-FIFO once more, as the paper tells it, with nothing in it that is quick: lists that are
// searched from end to end.
class Reference {
 public:
  struct Entry {
    int id;
    std::size_t bytes;
    double cost;
    int uses = 0;
    bool spared = false;
  };

  Reference(std::size_t max_bytes, bool weigh_cost) : max_(max_bytes), weigh_(weigh_cost) {}

  bool Find(int id) {
    for (auto* queue : {&small_, &main_}) {
      for (Entry& entry : *queue) {
        if (entry.id != id) continue;
        entry.uses = std::min(entry.uses + 1, 3);
        entry.spared = false;
        return true;
      }
    }
    return false;
  }

  void Insert(int id, std::size_t bytes, double cost) {
    Erase(id);
    if (bytes > max_) return;
    while (Bytes(small_) + Bytes(main_) + bytes > max_) Evict();
    const double density = cost / static_cast<double>(bytes);
    average_ = average_ == 0 ? density : average_ + (density - average_) / 256;
    auto& queue = std::ranges::contains(ghosts_, id) ? main_ : small_;
    queue.push_front({.id = id, .bytes = bytes, .cost = cost});
  }

  void Erase(int id) {
    for (auto* queue : {&small_, &main_}) {
      std::erase_if(*queue, [&](const Entry& entry) { return entry.id == id; });
    }
  }

  std::set<int> Contents() const {
    std::set<int> ids;
    for (const auto* queue : {&small_, &main_}) {
      for (const Entry& entry : *queue) ids.insert(entry.id);
    }
    return ids;
  }

  static std::size_t Bytes(const std::list<Entry>& queue) {
    std::size_t bytes = 0;
    for (const Entry& entry : queue) bytes += entry.bytes;
    return bytes;
  }

 private:
  bool Spare(Entry& entry) const {
    const bool dear = entry.cost > average_ * static_cast<double>(entry.bytes);
    if (!weigh_ || entry.spared || !dear) return false;
    return entry.spared = true;
  }

  void Evict() {
    if (!small_.empty() && (main_.empty() || Bytes(small_) * 10 >= max_)) {
      Entry oldest = small_.back();
      small_.pop_back();
      if (oldest.uses > 1) {
        main_.push_front(oldest);
        while (Bytes(main_) > max_ - max_ / 10) EvictFromMain();
      } else if (Spare(oldest)) {
        small_.push_front(oldest);
      } else {
        ghosts_.push_back(oldest.id);
        while (ghosts_.size() > std::max<std::size_t>(main_.size(), 16)) ghosts_.pop_front();
      }
    } else {
      EvictFromMain();
    }
  }

  void EvictFromMain() {
    for (;;) {
      Entry oldest = main_.back();
      main_.pop_back();
      if (oldest.uses > 0) {
        --oldest.uses;
      } else if (!Spare(oldest)) {
        return;
      }
      main_.push_front(oldest);
    }
  }

  const std::size_t max_;
  const bool weigh_;
  double average_ = 0;
  std::list<Entry> small_;
  std::list<Entry> main_;
  std::deque<int> ghosts_;
};

class S3FifoTrace : public ::testing::TestWithParam<bool> {};

TEST_P(S3FifoTrace, HoldsWhatTheReferenceHolds) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int bound) {
      return std::uniform_int_distribution<int>(0, bound - 1)(random);
    };
    const std::size_t max_bytes = 200 + static_cast<std::size_t>(below(5000));
    S3Fifo<int> cache(max_bytes, GetParam());
    Reference reference(max_bytes, GetParam());
    const int ids = 20 + below(200);
    for (int step = 0; step < 2000; ++step) {
      // Some are asked for far more often than others.
      const int id = std::min(below(ids), below(ids));
      switch (below(20)) {
        case 0:
          cache.Erase(KeyNumber(static_cast<std::uint64_t>(id)));
          reference.Erase(id);
          break;
        case 1 ... 6: {
          const auto bytes = static_cast<std::size_t>(1 + below(300));
          const double cost = below(1000);
          cache.Insert(KeyNumber(static_cast<std::uint64_t>(id)), id, bytes, cost);
          reference.Insert(id, bytes, cost);
          break;
        }
        default: {
          const int* found = cache.Find(KeyNumber(static_cast<std::uint64_t>(id)));
          ASSERT_EQ(found != nullptr, reference.Find(id)) << "seed " << seed << " step " << step;
          if (found != nullptr) {
            ASSERT_EQ(*found, id);
          }
        }
      }
      ASSERT_LE(cache.bytes(), max_bytes);
      ASSERT_EQ(cache.size(), reference.Contents().size()) << "seed " << seed << " step " << step;
    }
    // A look counts as a use, so what is there is compared at the end.
    for (int id = 0; id < ids; ++id) {
      ASSERT_EQ(cache.Find(KeyNumber(static_cast<std::uint64_t>(id))) != nullptr,
                reference.Contents().contains(id))
          << "seed " << seed << " id " << id;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, S3FifoTrace, ::testing::Bool(), [](const auto& test) {
  return test.param ? "WeighingCost" : "AsPublished";
});

TEST(S3Fifo, AScanDoesNotDriveOutWhatIsUsed) {
  S3Fifo<int> cache(100, /*weigh_cost=*/false);
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t id = 0; id < 50; ++id) {
      if (cache.Find(KeyNumber(id)) == nullptr) cache.Insert(KeyNumber(id), 0, 1, 1);
    }
  }

  for (std::uint64_t id = 1000; id < 2000; ++id) cache.Insert(KeyNumber(id), 0, 1, 1);

  int left = 0;
  for (std::uint64_t id = 0; id < 50; ++id) left += cache.Find(KeyNumber(id)) != nullptr ? 1 : 0;
  EXPECT_EQ(left, 50);
}

TEST(S3Fifo, WhatIsDearStaysLonger) {
  S3Fifo<int> cache(100, /*weigh_cost=*/true);
  for (std::uint64_t id = 0; id < 100; ++id)
    cache.Insert(KeyNumber(id), 0, 1, id % 10 == 0 ? 1000 : 1);

  for (std::uint64_t id = 100; id < 150; ++id) cache.Insert(KeyNumber(id), 0, 1, 1);

  for (std::uint64_t id = 0; id < 50; ++id) {
    EXPECT_EQ(cache.Find(KeyNumber(id)) != nullptr, id % 10 == 0) << id;
  }
}

TEST(S3Fifo, RefusesWhatIsLargerThanEverything) {
  S3Fifo<int> cache(100, true);
  cache.Insert(KeyNumber(1), 1, 50, 1);

  EXPECT_FALSE(cache.Insert(KeyNumber(1), 2, 101, 1));

  EXPECT_EQ(cache.Find(KeyNumber(1)), nullptr);
  EXPECT_EQ(cache.bytes(), 0);
}

}  // namespace
}  // namespace chasqui::cache
