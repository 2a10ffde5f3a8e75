// SPDX-License-Identifier: Apache-2.0
#include "common/observability/rotating_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"

namespace chasqui::observability {
namespace {

namespace fs = std::filesystem;
using ::absl_testing::StatusIs;
using ::testing::HasSubstr;

class RotatingFileTest : public ::testing::Test {
 protected:
  RotatingFileTest()
      : folder_(fs::path(::testing::TempDir()) / absl::StrCat("rotating_file_test-", getpid())) {}
  ~RotatingFileTest() override { fs::remove_all(folder_); }

  std::unique_ptr<RotatingFile> Open(std::size_t max_bytes) {
    auto file = RotatingFile::Open(
        {.path = folder_ / "deep" / "access.log", .max_bytes = max_bytes, .kept_files = 2});
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(folder_ / "deep" / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const fs::path folder_;
};

TEST_F(RotatingFileTest, HasEachLineAtOnce) {
  const auto file = Open(1000);

  file->Write("one\n");
  EXPECT_EQ(Read("access.log"), "one\n");
  file->Write("two\n");
  EXPECT_EQ(Read("access.log"), "one\ntwo\n");
}

TEST_F(RotatingFileTest, IsTurnedOverBetweenLinesThatComeTogether) {
  Open(10)->Write("first...\nsecond..\nthird...\n");

  EXPECT_EQ(Read("access.log"), "third...\n");
  EXPECT_EQ(Read("access.1.log"), "second..\n");
  EXPECT_EQ(Read("access.2.log"), "first...\n");
}

TEST_F(RotatingFileTest, AppendsToWhatIsThere) {
  Open(1000)->Write("one\n");

  Open(1000)->Write("two\n");

  EXPECT_EQ(Read("access.log"), "one\ntwo\n");
}

TEST_F(RotatingFileTest, KeepsSoManyFilesOfThatSize) {
  const auto file = Open(10);

  for (const char* line : {"first...\n", "second..\n", "third...\n", "fourth..\n", "fifth...\n"}) {
    file->Write(line);
  }

  EXPECT_EQ(Read("access.log"), "fifth...\n");
  EXPECT_EQ(Read("access.1.log"), "fourth..\n");
  EXPECT_EQ(Read("access.2.log"), "third...\n");
  EXPECT_FALSE(fs::exists(folder_ / "deep" / "access.3.log"));
}

TEST_F(RotatingFileTest, SaysWhichFileCannotBeWritten) {
  EXPECT_THAT(RotatingFile::Open({.path = "/proc/none/access.log", .max_bytes = 1}),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("/proc/none/access.log")));
}

}  // namespace
}  // namespace chasqui::observability
