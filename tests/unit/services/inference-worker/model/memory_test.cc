// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "services/inference-worker/model/memory_available.h"
#include "services/inference-worker/model/memory_estimate.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;

TEST(EstimateMemory, CountsTheKvCacheOfEveryLayer) {
  GgufFacts facts;
  facts.tensor_bytes = 1000;
  facts.key_length = 64;
  facts.value_length = 32;
  facts.kv_heads = {2, 4};

  const auto estimate = EstimateMemory(facts, {.kv_tokens = 10});

  EXPECT_EQ(estimate.weights, 1000);
  EXPECT_EQ(estimate.kv_cache, 10 * 2 * (2 + 4) * (64 + 32));
}

TEST(EstimateMemory, CountsAdapters) {
  GgufFacts facts;
  facts.tensor_bytes = 1000;
  std::vector<GgufFacts> adapters(2);
  adapters[0].tensor_bytes = 30;
  adapters[1].tensor_bytes = 4;

  const auto estimate = EstimateMemory(facts, {}, adapters);

  EXPECT_EQ(estimate.adapters, 34);
  EXPECT_EQ(estimate.total(), EstimateMemory(facts, {}).total() + 34);
}

TEST(EstimateMemory, KnowsQuantisedCaches) {
  GgufFacts facts;
  facts.key_length = 64;
  facts.value_length = 64;
  facts.kv_heads = {1};

  const auto estimate =
      EstimateMemory(facts, {.kv_tokens = 1, .type_k = GGML_TYPE_Q8_0, .type_v = GGML_TYPE_Q8_0});

  EXPECT_EQ(estimate.kv_cache, 2 * 2 * 34);
}

TEST(ParseMemAvailable, ReadsTheLine) {
  EXPECT_EQ(ParseMemAvailable("MemTotal: 9 kB\nMemAvailable:    2048 kB\n"), 2048 * 1024);
  EXPECT_EQ(ParseMemAvailable("MemTotal: 9 kB\n"), std::nullopt);
}

class AvailableMemoryTest : public testing::Test {
 protected:
  AvailableMemoryTest()
      : root_(fs::path(testing::TempDir()) / absl::StrCat("available_memory_test.", getpid())) {
    fs::remove_all(root_);
    Write("proc/meminfo", "MemAvailable: 1000 kB\n");
  }
  ~AvailableMemoryTest() override { fs::remove_all(root_); }

  void Write(const fs::path& path, std::string_view text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  const fs::path root_;
};

TEST_F(AvailableMemoryTest, IsTheMachinesWithoutAGroup) {
  EXPECT_EQ(AvailableMemory(root_), 1000 * 1024);
}

TEST_F(AvailableMemoryTest, IsLessUnderALimit) {
  Write("proc/self/cgroup", "0::/pod/worker\n");
  Write("sys/fs/cgroup/pod/worker/memory.max", "500000\n");
  Write("sys/fs/cgroup/pod/worker/memory.current", "300000\n");
  Write("sys/fs/cgroup/pod/worker/memory.stat", "anon 1\ninactive_file 100000\n");

  EXPECT_EQ(AvailableMemory(root_), 300'000);
}

TEST_F(AvailableMemoryTest, HeedsTheLimitsOfOuterGroups) {
  Write("proc/self/cgroup", "0::/pod/worker\n");
  Write("sys/fs/cgroup/pod/worker/memory.max", "max\n");
  Write("sys/fs/cgroup/pod/worker/memory.current", "300000\n");
  Write("sys/fs/cgroup/pod/memory.max", "400000\n");
  Write("sys/fs/cgroup/pod/memory.current", "350000\n");

  EXPECT_EQ(AvailableMemory(root_), 50'000);
}

TEST_F(AvailableMemoryTest, HeedsTheOlderGroups) {
  Write("proc/self/cgroup", "7:memory:/docker/x\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "600000\n");
  Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "100000\n");

  EXPECT_EQ(AvailableMemory(root_), 500'000);
}

}  // namespace
}  // namespace chasqui::worker
