// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "services/cache/generation/generations.h"
#include "services/cache/redis/generation_share.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait_until.h"

namespace chasqui::cache {

// What a replica of the cache has of generations. What it hears is merged into a second table, as
// it would be written down.
class Replica {
 public:
  struct Reach {
    std::uint32_t replicas = 0;
    bool pending = false;
  };

  // Numbers of replicas differ.
  Replica(const testing::RedisServer& redis, std::uint64_t number, std::size_t max_names = 1000)
      : generations(max_names, Draw(number)) {
    config_.mutable_server()->set_address(redis.address());
    config_.mutable_server()->set_key_prefix("test:");
    Open();
  }

  void Open() {
    share = std::make_unique<GenerationShare>(
        config_, generations,
        [this](const Generations::Change& change) {
          absl::MutexLock lock(mutex_);
          if (change.all_others_forgotten) written_.clear();
          for (const auto& [name, generation] : change.entries) written_[name] = generation.value;
        },
        time::RealClock(), observability::Logger());
  }

  // Does not wait: `done` is told.
  void Begin(std::vector<std::string> names, GenerationShare::Done done) {
    share->Share(generations.Invalidate(names), std::move(done));
  }
  Reach Invalidate(std::vector<std::string> names) {
    Reach reach;
    absl::Notification told;
    Begin(std::move(names), [&](std::uint32_t replicas, bool pending) {
      reach = {.replicas = replicas, .pending = pending};
      told.Notify();
    });
    told.WaitForNotification();
    return reach;
  }

  StoredAnswer BeginAnswer(std::vector<std::string> tags) const {
    StoredAnswer answer;
    answer.set_key(std::string(AnswerKey::kBytes, 'k'));
    answer.set_model("m");
    answer.mutable_tags()->Assign(tags.begin(), tags.end());
    answer.set_stamp(generations.StampOf(answer));
    return answer;
  }
  bool IsValid(const StoredAnswer& answer) const { return generations.IsValid(answer); }

  std::uint64_t ValueOf(const std::string& name) const {
    for (const auto& [its_name, generation] : generations.All()) {
      if (its_name == name) return generation.value;
    }
    return 0;
  }
  std::uint64_t Written(const std::string& name) {
    absl::MutexLock lock(mutex_);
    return written_[name];
  }

  // What it has, without what it thinks that others know.
  std::map<std::string, std::uint64_t> Table() const {
    std::map<std::string, std::uint64_t> table;
    for (const auto& [name, generation] : generations.All()) table[name] = generation.value;
    return table;
  }

  Generations generations;
  std::unique_ptr<GenerationShare> share;

 private:
  static Generations::Draw Draw(std::uint64_t number) {
    return [next = std::make_shared<std::atomic<std::uint64_t>>(number << 32)] { return ++*next; };
  }

  config::v1::RedisTierConfig config_;
  absl::Mutex mutex_;
  std::map<std::string, std::uint64_t> written_ ABSL_GUARDED_BY(mutex_);
};

class ReplicaFixture : public ::testing::Test {
 protected:
  using Replicas = std::vector<Replica*>;

  static bool WaitUntilHeard(const Replicas& replicas, bool heard = true) {
    return testing::WaitUntil([&] {
      return std::ranges::all_of(replicas,
                                 [&](const Replica* one) { return one->share->heard() == heard; });
    });
  }
  // That all hear, agree, and think that all is shared.
  static bool WaitUntilAgreed(const Replicas& replicas) {
    return testing::WaitUntil([&] {
      return std::ranges::all_of(replicas, [&](const Replica* one) {
        return one->share->heard() && one->Table() == replicas[0]->Table() &&
               one->generations.UnsharedNames().empty();
      });
    });
  }

  testing::RedisServer redis_;
};

}  // namespace chasqui::cache
