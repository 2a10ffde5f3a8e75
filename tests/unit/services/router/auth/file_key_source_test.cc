// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/file_key_source.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/router/auth/api_key.h"
#include "tests/support/wait_until.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

class FileKeySourceTest : public ::testing::Test {
 protected:
  static std::string Entry(const NewApiKey& key, const std::string& tenant) {
    return "- {id: \"" + key.id + "\", tenant: " + tenant + ", hashed_api_key: \"" +
           FormatKeyHash(HashApiKey(key.key)) + "\"}\n";
  }

  // Puts another file in its place, as editors and Kubernetes do.
  void Write(const std::string& text) {
    std::ofstream(path_ + ".new") << text;
    std::filesystem::rename(path_ + ".new", path_);
  }

  FileKeySource Open(time::Duration interval = 1h) {
    return FileKeySource({.path = path_, .interval = interval, .tenant_defaults = {}}, metrics_,
                         observability::Logger({.service = "test", .write = [this](auto line) {
                                                  absl::MutexLock lock(mutex_);
                                                  log_ += line;
                                                }}));
  }
  std::string log() {
    absl::MutexLock lock(mutex_);
    return log_;
  }

  const std::string path_ = ::testing::TempDir() + "/keys-" +
                            ::testing::UnitTest::GetInstance()->current_test_info()->name() +
                            ".yaml";
  const NewApiKey one_ = MakeApiKey();
  const NewApiKey other_ = MakeApiKey();
  absl::Mutex mutex_;
  std::string log_;
  observability::Metrics metrics_{"test"};
};

TEST_F(FileKeySourceTest, FindsItsKeysAndNoOthers) {
  Write("keys:\n" + Entry(one_, "a"));
  const FileKeySource source = Open();

  ASSERT_NE(source.FindKey(one_.key), nullptr);
  EXPECT_EQ(source.FindKey(one_.key)->tenant, "a");
  EXPECT_EQ(source.FindKey(other_.key), nullptr);
  // The right id with another secret.
  EXPECT_EQ(source.FindKey(one_.key.substr(0, 21) + other_.key.substr(21)), nullptr);
  EXPECT_EQ(source.FindKey("nonsense"), nullptr);
}

TEST_F(FileKeySourceTest, ReadsAFileThatHasChanged) {
  Write("keys:\n" + Entry(one_, "a"));
  FileKeySource source = Open();
  EXPECT_FALSE(source.Refresh());

  Write("keys:\n" + Entry(other_, "b"));

  EXPECT_TRUE(source.Refresh());
  EXPECT_EQ(source.FindKey(one_.key), nullptr);
  EXPECT_NE(source.FindKey(other_.key), nullptr);
}

TEST_F(FileKeySourceTest, NoticesAChangeByItself) {
  Write("keys:\n" + Entry(one_, "a"));
  const FileKeySource source = Open(50ms);

  Write("keys:\n" + Entry(other_, "b"));

  EXPECT_TRUE(testing::WaitUntil([&] { return source.FindKey(other_.key) != nullptr; }));
}

TEST_F(FileKeySourceTest, KeepsItsKeysWhenTheFileIsWrongOrGone) {
  Write("keys:\n" + Entry(one_, "a"));
  FileKeySource source = Open();

  for (const std::string& wrong :
       {std::string(), std::string("keys: ["), "keys:\n" + Entry(one_, "a") + "nonsense: 1\n"}) {
    Write(wrong);
    EXPECT_FALSE(source.Refresh());
    EXPECT_NE(source.FindKey(one_.key), nullptr) << wrong;
  }
  std::filesystem::remove(path_);
  EXPECT_FALSE(source.Refresh());
  EXPECT_NE(source.FindKey(one_.key), nullptr);
  EXPECT_THAT(metrics_.Text(), HasSubstr("chasqui_router_keys_reads_total{result=\"failed\"} 4"));

  Write("keys:\n" + Entry(other_, "b"));
  EXPECT_TRUE(source.Refresh());
  EXPECT_NE(source.FindKey(other_.key), nullptr);
}

TEST_F(FileKeySourceTest, LogsNeitherKeysNorHashes) {
  const std::string hash = FormatKeyHash(HashApiKey(one_.key)).substr(7);
  Write("keys:\n" + Entry(one_, "a"));
  FileKeySource source = Open();
  Write("keys:\n- {" + one_.key + ": \"" + hash + "\", " + hash + ": x}\n");
  source.Refresh();

  ASSERT_TRUE(testing::WaitUntil([&] { return log().find("unknown key") != std::string::npos; }));
  EXPECT_THAT(log(), Not(HasSubstr(hash.substr(0, 20))));
  EXPECT_THAT(log(), Not(HasSubstr(one_.key.substr(21, 20))));
}

}  // namespace
}  // namespace chasqui::router
