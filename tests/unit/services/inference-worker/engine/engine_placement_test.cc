// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "services/inference-worker/processors/processor_list.h"
#include "tests/unit/services/inference-worker/engine/engine_fixture.h"

// Where the engine's thread and OpenMP's team really run, as the kernel tells.
namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;

struct ThreadState {
  std::string processors;
  int nice = 0;
};

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// libgomp's threads have the name of the thread that made them.
std::map<std::string, ThreadState> EngineThreads() {
  std::map<std::string, ThreadState> threads;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    if (ReadAll(task.path() / "comm") != "engine\n") continue;
    ThreadState state;
    const std::string status = ReadAll(task.path() / "status");
    for (const std::string_view line : absl::StrSplit(status, '\n')) {
      const std::vector<std::string> parts = absl::StrSplit(line, '\t');
      if (parts.front() == "Cpus_allowed_list:") state.processors = parts.back();
    }
    // The fields behind the name, which may hold anything, in its parentheses: the third is state.
    const std::string stat = ReadAll(task.path() / "stat");
    const std::vector<std::string> fields = absl::StrSplit(stat.substr(stat.rfind(')') + 2), ' ');
    std::from_chars(fields[16].data(), fields[16].data() + fields[16].size(), state.nice);
    threads[task.path().filename()] = state;
  }
  return threads;
}

class EnginePlacementTest : public EngineFixture {
 protected:
  // The threads of an engine with these options that has computed.
  std::map<std::string, ThreadState> ThreadsOf(const EngineOptions& options) {
    const auto before = EngineThreads();
    MakeEngine(options);
    Ask(Greedy(Text("Once upon a time"), 4));
    auto threads = EngineThreads();
    for (const auto& [id, state] : before) threads.erase(id);
    return threads;
  }
};

TEST_F(EnginePlacementTest, HoldsForTheThreadAndItsTeam) {
  const std::string last = std::to_string(AllowedProcessors().back());
  const int nice = getpriority(PRIO_PROCESS, 0) + 3;

  const auto threads =
      ThreadsOf({.slots = 2,
                 .threads = 3,
                 .placement = {.processors = {AllowedProcessors().back()}, .nice = nice}});

  EXPECT_EQ(threads.size(), 3);
  for (const auto& [id, state] : threads) {
    EXPECT_EQ(state.processors, last) << id;
    EXPECT_EQ(state.nice, nice) << id;
  }
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), nice - 3);
}

TEST_F(EnginePlacementTest, IsTheProcessesUnlessAskedFor) {
  const auto threads = ThreadsOf({.slots = 2, .threads = 2, .warm_up = false});

  EXPECT_EQ(threads.size(), 2);
  for (const auto& [id, state] : threads) {
    EXPECT_EQ(state.processors, FormatProcessors(AllowedProcessors())) << id;
    EXPECT_EQ(state.nice, getpriority(PRIO_PROCESS, 0)) << id;
  }
}

TEST_F(EnginePlacementTest, HasAThreadForEachPhysicalCore) {
  const auto threads = ThreadsOf(
      {.slots = 2, .placement = {.processors = {AllowedProcessors().front()}, .nice = {}}});

  EXPECT_EQ(threads.size(), 1);
}

TEST_F(EnginePlacementTest, ThatTheSystemRefusesFailsTheStart) {
  const auto engine = Engine::Create(
      TinyModel(), {.slots = 1, .kv_tokens = 256, .placement = {.processors = {1023}, .nice = {}}},
      {});

  EXPECT_EQ(engine.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(engine.status().message(), "processors 1023"));
}

}  // namespace
}  // namespace chasqui::worker
