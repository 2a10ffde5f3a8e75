// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "common/redis/link.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait_until.h"

namespace chasqui::redis {

// A server and what links to it tell.
class LinkFixture : public ::testing::Test {
 protected:
  // Patient, so that a slow machine decides nothing; tests of a slow server set their own times.
  Link::Options PatientOptions() {
    Link::Options options;
    options.address = server_.address();
    options.connect_timeout = std::chrono::seconds(10);
    options.command_timeout = std::chrono::seconds(10);
    options.backoff.maximum = std::chrono::milliseconds(100);
    options.on_state = [this](const absl::Status& state) {
      absl::MutexLock lock(mutex_);
      states_.push_back(state);
    };
    return options;
  }

  static ReplyOr Ask(Link& link, std::vector<std::string> words) {
    ReplyOr answer;
    absl::Notification answered;
    link.Send(std::move(words), [&](ReplyOr reply) {
      answer = std::move(reply);
      answered.Notify();
    });
    answered.WaitForNotification();
    return answer;
  }

  static bool WaitUntilUp(const Link& link) {
    return testing::WaitUntil([&] { return link.up(); });
  }
  static bool WaitUntilDown(const Link& link) {
    return testing::WaitUntil([&] { return !link.up(); });
  }

  std::vector<absl::Status> states() {
    absl::MutexLock lock(mutex_);
    return states_;
  }

  testing::RedisServer server_;
  absl::Mutex mutex_;
  std::vector<absl::Status> states_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::redis
