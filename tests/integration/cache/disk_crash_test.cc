// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/synchronization/notification.h"
#include "services/cache/disk/disk_tier.h"
#include "tests/integration/cache/disk_answers.h"
#include "tests/unit/services/cache/disk/folder.h"

namespace chasqui::cache {
namespace {

// A process that writes answers, and what it has said to be acknowledged.
class Writer {
 public:
  Writer(const std::string& folder, std::uint64_t first) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const std::string number = std::to_string(first);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      execl(CHASQUI_DISK_WRITER, CHASQUI_DISK_WRITER, folder.c_str(), number.c_str(), nullptr);
      _exit(127);
    }
    close(ends[1]);
    out_ = fdopen(ends[0], "r");
  }

  // Reads so many lines, kills it, and reads what is left.
  std::set<std::uint64_t> KillAfter(int lines) {
    std::set<std::uint64_t> acknowledged;
    std::uint64_t number = 0;
    while (lines-- > 0 && std::fscanf(out_, "%lu", &number) == 1) acknowledged.insert(number);
    kill(pid_, SIGKILL);
    while (std::fscanf(out_, "%lu", &number) == 1) acknowledged.insert(number);
    std::fclose(out_);
    waitpid(pid_, nullptr, 0);
    return acknowledged;
  }

 private:
  pid_t pid_ = -1;
  FILE* out_ = nullptr;
};

absl::StatusOr<AnswerPtr> Get(DiskTier& tier, std::uint64_t number) {
  absl::StatusOr<AnswerPtr> answer;
  absl::Notification found;
  tier.Get(KeyNumber(number), [&](absl::StatusOr<AnswerPtr> result) {
    answer = std::move(result);
    found.Notify();
  });
  found.WaitForNotification();
  return answer;
}

TEST(DiskCrash, NothingAcknowledgedIsLostAndNothingDamagedIsServed) {
  constexpr int kRounds = 200;
  constexpr std::uint64_t kEachRound = 100'000;
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  Folder folder;
  std::set<std::uint64_t> all;
  for (int round = 0; round < kRounds; ++round) {
    // A folder is used for twenty rounds, so that there is much to recover.
    if (round % 20 == 0) {
      std::filesystem::remove_all(folder.path());
      all.clear();
    }
    std::filesystem::create_directories(folder.path());
    Writer writer(folder.path(), static_cast<std::uint64_t>(round) * kEachRound);
    const std::set<std::uint64_t> acknowledged =
        writer.KillAfter(1 + static_cast<int>(random() % 60));
    ASSERT_FALSE(acknowledged.empty()) << "round " << round;
    all.insert(acknowledged.begin(), acknowledged.end());

    auto tier = DiskTier::Open(CrashConfig(folder.path()), {}, 1 << 20, time::RealClock(), {});
    ASSERT_TRUE(tier.ok()) << tier.status();
    for (const std::uint64_t number : acknowledged) {
      const absl::StatusOr<AnswerPtr> answer = Get(**tier, number);
      ASSERT_TRUE(answer.ok()) << "round " << round << " number " << number << answer.status();
      ASSERT_EQ((*answer)->SerializeAsString(), CrashAnswer(number)->SerializeAsString());
    }
    // What was not acknowledged may be there, and whole.
    for (std::uint64_t number = *acknowledged.rbegin() + 1; number < *acknowledged.rbegin() + 5;
         ++number) {
      const absl::StatusOr<AnswerPtr> answer = Get(**tier, number);
      if (answer.ok()) {
        ASSERT_EQ((*answer)->SerializeAsString(), CrashAnswer(number)->SerializeAsString());
      }
    }
    if (round % 20 == 19) {
      for (const std::uint64_t number : all) ASSERT_TRUE(Get(**tier, number).ok()) << number;
    }
    ASSERT_EQ((*tier)->counts().damaged, 0);
  }
}

}  // namespace
}  // namespace chasqui::cache
