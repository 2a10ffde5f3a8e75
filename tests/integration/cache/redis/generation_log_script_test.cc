// SPDX-License-Identifier: Apache-2.0
// The scripts of the log in a real server: who may write over what.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "common/redis/link.h"
#include "services/cache/redis/generation_log.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait_until.h"

namespace chasqui::cache {
namespace {

using Outcome = WriteAnswer::Outcome;

class GenerationLogScripts : public ::testing::Test {
 protected:
  GenerationLogScripts() : link_(Options(redis_)) {
    EXPECT_TRUE(testing::WaitUntil([&] { return link_.up(); }));
    const auto look = ReadLookAnswer(Ask(LookCommand(names_, "0123456789abcdef")));
    EXPECT_TRUE(look.ok()) << look.status();
    if (look.ok()) epoch_ = look->end.epoch;
  }

  // Writes one name as a replica that has heard the log up to there.
  Outcome Write(std::uint64_t heard, const std::string& name, std::uint64_t value,
                bool forget = false) {
    v1::GenerationNotice notice;
    notice.set_all_others_forgotten(forget);
    SetEntries(std::vector{Generations::Entry(name, {.value = value})}, notice);
    const auto answer =
        ReadWriteAnswer(Ask(WriteCommand(names_, {.epoch = epoch_, .position = heard}, notice)));
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->outcome : Outcome::kLost;
  }
  Outcome Forget(std::uint64_t heard, std::uint64_t value) {
    return Write(heard, EverythingName(), value, true);
  }

 private:
  static redis::Link::Options Options(const testing::RedisServer& redis) {
    redis::Link::Options options;
    options.address = redis.address();
    return options;
  }
  redis::ReplyOr Ask(std::vector<std::string> words) {
    redis::ReplyOr answer;
    absl::Notification told;
    link_.Send(std::move(words), [&](redis::ReplyOr reply) {
      answer = std::move(reply);
      told.Notify();
    });
    told.WaitForNotification();
    return answer;
  }

  const LogNames names_{.hash = "test:generations", .notices = "test:invalidations"};
  testing::RedisServer redis_;
  redis::Link link_;
  std::string epoch_;
};

TEST_F(GenerationLogScripts, TakeNothingOverWhatTheWriterHasNotHeard) {
  EXPECT_EQ(Write(0, TagName("a"), 1), Outcome::kWritten);
  EXPECT_EQ(Write(0, TagName("a"), 2), Outcome::kOvertaken);
  EXPECT_EQ(Write(0, TagName("b"), 3), Outcome::kWritten);
  EXPECT_EQ(Write(1, TagName("a"), 4), Outcome::kWritten);
}

TEST_F(GenerationLogScripts, ForgetOnlyForWhoHasHeardAll) {
  EXPECT_EQ(Write(0, TagName("a"), 1), Outcome::kWritten);
  EXPECT_EQ(Forget(0, 2), Outcome::kOvertaken);
  EXPECT_EQ(Forget(1, 3), Outcome::kWritten);
}

// The writer forgets the name when it hears that, and does not hear its own notice: it would be the
// only one without it.
TEST_F(GenerationLogScripts, TakeNothingFromWhoHasNotHeardThatAllWasForgotten) {
  EXPECT_EQ(Write(0, TagName("a"), 1), Outcome::kWritten);
  EXPECT_EQ(Forget(1, 2), Outcome::kWritten);

  EXPECT_EQ(Write(1, TagName("a"), 1), Outcome::kOvertaken);
  EXPECT_EQ(Write(1, TagName("b"), 3), Outcome::kOvertaken);
  EXPECT_EQ(Write(2, TagName("b"), 3), Outcome::kWritten);
}

}  // namespace
}  // namespace chasqui::cache
