// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/log/check.h"
#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "common/time/clock.h"
#include "services/cache/answer/packing.h"
#include "services/cache/disk/disk_store.h"
#include "tests/support/cache/answers.h"

namespace chasqui::cache {
namespace {

using ::absl_testing::IsOk;
using testing::KeyNumber;
using testing::MakeAnswer;

constexpr int kRounds = 200;
constexpr std::size_t kMaxBytes = 64 << 20;

// A directory, gone with it. In memory where that is possible: a killed process leaves to the
// kernel what it wrote, wherever that goes.
class Directory {
 public:
  Directory() {
    const std::string parent =
        access("/dev/shm", W_OK) == 0 ? std::string("/dev/shm") : ::testing::TempDir();
    path_ = absl::StrCat(parent, "/chasqui-crash-XXXXXX");
    CHECK_NE(mkdtemp(path_.data()), nullptr);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string database() const { return path_ + "/answers"; }

 private:
  std::string path_;
};

// The process that writes; killed with this object at the latest.
class Writer {
 public:
  Writer(const std::string& directory, std::uint64_t first, std::size_t bytes) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    const std::string first_text = absl::StrCat(first);
    const std::string bytes_text = absl::StrCat(bytes);
    pid_ = fork();
    CHECK_GE(pid_, 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      execl(CHASQUI_DISK_WRITER, CHASQUI_DISK_WRITER, directory.c_str(), first_text.c_str(),
            bytes_text.c_str(), nullptr);
      _exit(127);
    }
    close(ends[1]);
    out_ = ends[0];
  }
  ~Writer() {
    Kill();
    close(out_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // The next number that is acknowledged; nothing when there is none in time or will be none.
  std::optional<std::uint64_t> Next(std::chrono::microseconds timeout) {
    pollfd ready = {.fd = out_, .events = POLLIN};
    const timespec wait = {.tv_sec = timeout.count() / 1'000'000,
                           .tv_nsec = timeout.count() % 1'000'000 * 1000};
    if (ppoll(&ready, 1, &wait, nullptr) <= 0) return std::nullopt;
    std::uint64_t number = 0;
    if (read(out_, &number, sizeof(number)) != sizeof(number)) return std::nullopt;
    return number;
  }

  // The signal that ended it.
  int Kill() {
    if (pid_ == 0) return 0;
    kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

 private:
  pid_t pid_ = 0;
  int out_ = -1;
};

struct Written {
  std::uint64_t number;
  std::size_t bytes;
};

struct DiskCrash : ::testing::Test {
  // Runs a writer for a random while; what it had acknowledged when it was killed.
  std::vector<Written> WriteAndKill(std::mt19937_64& random, std::uint64_t first) {
    constexpr std::size_t kSizes[] = {100, 1000, 1000, 5000, 20'000};
    const std::size_t bytes = kSizes[random() % std::size(kSizes)];
    // Some are killed before they have written anything, perhaps while they open the database.
    const std::chrono::microseconds before(random() % 8 == 0 ? random() % 20'000 : 10'000'000);
    const std::chrono::microseconds after(random() % 15'000);
    std::vector<Written> acknowledged;
    Writer writer(directory.database(), first, bytes);
    if (const auto number = writer.Next(before)) acknowledged.push_back({*number, bytes});
    const time::SteadyTime end = time::SteadyNow() + after;
    for (time::SteadyTime now; !acknowledged.empty() && (now = time::SteadyNow()) < end;) {
      const auto number =
          writer.Next(std::chrono::duration_cast<std::chrono::microseconds>(end - now));
      if (number.has_value()) acknowledged.push_back({*number, bytes});
    }
    EXPECT_EQ(writer.Kill(), SIGKILL) << "it ended by itself";
    while (const auto number = writer.Next({})) acknowledged.push_back({*number, bytes});
    return acknowledged;
  }

  void ExpectWhole(DiskStore& store, const Written& written) {
    const AnswerKey key = KeyNumber(written.number);
    const absl::StatusOr<std::string> bytes = store.Get(key);
    ASSERT_THAT(bytes, IsOk()) << "number " << written.number;
    const absl::StatusOr<AnswerPtr> answer = Unpack(*bytes, key, kMaxBytes);
    ASSERT_THAT(answer, IsOk()) << "number " << written.number;
    EXPECT_EQ((*answer)->SerializeAsString(),
              MakeAnswer(written.number, {.bytes = written.bytes})->SerializeAsString())
        << "number " << written.number;
  }

  Directory directory;
};

TEST_F(DiskCrash, NothingAcknowledgedIsLostAndNothingDamagedIsServed) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  std::vector<Written> all;
  std::uint64_t unacknowledged = 0;
  std::uint64_t next = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    const std::vector<Written> acknowledged = WriteAndKill(random, next);
    const std::size_t bytes = acknowledged.empty() ? 0 : acknowledged.back().bytes;
    auto store = DiskStore::Open(
        {.path = directory.database(), .max_bytes = std::uint64_t{1} << 30}, time::RealClock(), {});
    ASSERT_THAT(store, IsOk());
    ASSERT_FALSE(std::filesystem::exists(directory.database() + ".damaged"));

    for (const Written& written : acknowledged) ExpectWhole(**store, written);
    all.insert(all.end(), acknowledged.begin(), acknowledged.end());
    // Of earlier rounds some, and all of them in the end.
    for (int i = 0; i < 20 && !all.empty(); ++i) {
      ExpectWhole(**store, all[random() % all.size()]);
    }
    // It may have written one more than it told.
    next += acknowledged.size();
    if (const auto found = (*store)->Get(KeyNumber(next)); found.ok()) {
      ++unacknowledged;
      if (bytes > 0) {
        ExpectWhole(**store, {.number = next, .bytes = bytes});
      } else {
        EXPECT_THAT(Unpack(*found, KeyNumber(next), kMaxBytes), IsOk());
      }
      ++next;
    }
    EXPECT_FALSE((*store)->Get(KeyNumber(next)).ok()) << "what nobody has written";
    EXPECT_EQ((*store)->entries(), all.size() + unacknowledged);
  }
  const auto store = DiskStore::Open(
      {.path = directory.database(), .max_bytes = std::uint64_t{1} << 30}, time::RealClock(), {});
  ASSERT_THAT(store, IsOk());
  for (const Written& written : all) ExpectWhole(**store, written);
  RecordProperty("acknowledged", static_cast<int>(all.size()));
  RecordProperty("unacknowledged", static_cast<int>(unacknowledged));
}

}  // namespace
}  // namespace chasqui::cache
