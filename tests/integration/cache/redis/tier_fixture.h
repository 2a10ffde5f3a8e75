// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "common/redis/link.h"
#include "services/cache/redis/redis_tier.h"
#include "tests/support/fake_clock.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait_until.h"

namespace chasqui::cache {

// A tier in a server of its own, and what it logs.
class TierFixture : public ::testing::Test {
 protected:
  static constexpr std::size_t kMaxAnswerBytes = 1 << 20;

  // Patient, so that a slow machine decides nothing; tests of a slow server set their own times.
  config::v1::RedisTierConfig ConfigOf(std::chrono::milliseconds timeout) const {
    config::v1::RedisTierConfig config;
    config.mutable_server()->set_address(redis_.address());
    config.mutable_server()->set_key_prefix("test:");
    config.mutable_server()->mutable_timeout()->set_seconds(timeout.count() / 1000);
    config.mutable_server()->mutable_timeout()->set_nanos(
        static_cast<std::int32_t>(timeout.count() % 1000 * 1'000'000));
    config.set_connections(2);
    config.mutable_max_ttl()->set_seconds(3600);
    return config;
  }

  std::unique_ptr<RedisTier> Open(std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    observability::Logger log({.service = "test", .write = [this](std::string_view line) {
                                 absl::MutexLock lock(mutex_);
                                 log_ += line;
                               }});
    return std::make_unique<RedisTier>(ConfigOf(timeout), PackingOptions(), kMaxAnswerBytes, clock_,
                                       std::move(log));
  }
  std::unique_ptr<RedisTier> OpenAndWait(
      std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    std::unique_ptr<RedisTier> tier = Open(timeout);
    EXPECT_TRUE(WaitUntilAvailable(*tier));
    return tier;
  }
  static bool WaitUntilAvailable(const RedisTier& tier, bool available = true) {
    return testing::WaitUntil([&] { return tier.available() == available; });
  }

  static AnswerKey KeyFor(int number) {
    std::string bytes = absl::StrCat(number, "/");
    bytes.resize(AnswerKey::kBytes, '\r');
    return *AnswerKey::Parse(bytes);
  }
  // What is remembered under the number's key: nothing else is right.
  AnswerPtr AnswerFor(int number, time::Duration ttl = std::chrono::hours(1)) const {
    auto answer = std::make_shared<StoredAnswer>();
    answer->set_key(std::string(KeyFor(number).bytes()));
    answer->set_model("m");
    answer->set_expires_us(ToMicros(clock_.SystemNow() + ttl));
    answer->add_events(absl::StrCat("the answer to ", number));
    answer->add_events(std::string(static_cast<std::size_t>(number) % 10 * 1000, 'x'));
    return answer;
  }

  static absl::StatusOr<AnswerPtr> Get(RedisTier& tier, const AnswerKey& key) {
    absl::StatusOr<AnswerPtr> answer;
    absl::Notification told;
    tier.Get(key, [&](absl::StatusOr<AnswerPtr> found) {
      answer = std::move(found);
      told.Notify();
    });
    told.WaitForNotification();
    return answer;
  }
  static absl::Status Put(RedisTier& tier, AnswerPtr answer) {
    absl::Status status;
    absl::Notification told;
    tier.Put(std::move(answer), [&](absl::Status done) {
      status = std::move(done);
      told.Notify();
    });
    told.WaitForNotification();
    return status;
  }

  // What the server says, asked over a connection beside the tier's.
  redis::ReplyOr Ask(std::vector<std::string> words) {
    redis::Link::Options options;
    options.address = redis_.address();
    redis::Link link(std::move(options));
    EXPECT_TRUE(testing::WaitUntil([&] { return link.up(); }));
    redis::ReplyOr answer;
    absl::Notification told;
    link.Send(std::move(words), [&](redis::ReplyOr reply) {
      answer = std::move(reply);
      told.Notify();
    });
    told.WaitForNotification();
    return answer;
  }
  static std::string NameOf(const AnswerKey& key) {
    return absl::StrCat("test:answer:", key.Hex());
  }

  // How often it was logged.
  int Logged(std::string_view text) {
    absl::MutexLock lock(mutex_);
    int count = 0;
    for (std::size_t at = 0; (at = log_.find(text, at)) != std::string::npos; ++at) ++count;
    return count;
  }
  bool WaitUntilLogged(std::string_view text, int times) {
    return testing::WaitUntil([&] { return Logged(text) >= times; });
  }

  testing::RedisServer redis_;
  testing::FakeClock clock_;
  absl::Mutex mutex_;
  std::string log_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::cache
