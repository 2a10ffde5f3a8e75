// SPDX-License-Identifier: Apache-2.0
// Whatever is wrong with a file, it is refused, and the process lives: damaged copies of the tiny
// model are inspected and, where nothing is found, loaded and computed with, in a child.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gguf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/inference-worker/hosting/model_host.h"
#include "services/inference-worker/inference_worker_config.h"
#include "services/inference-worker/model/backend.h"
#include "services/inference-worker/model/gguf_file.h"
#include "tests/support/inference-worker/tiny_model.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;

// What stands in a file instead of what should.
struct Damage {
  std::size_t at = 0;
  std::string bytes;
};

// How many damaged files were not refused at sight, and how many of these were loaded. Shared
// between a child and its parent.
struct Outcome {
  std::size_t tried = 0;
  std::size_t accepted = 0;
  std::size_t loaded = 0;
};

class DamagedFile : public ::testing::Test {
 protected:
  DamagedFile()
      : folder_(fs::path(::testing::TempDir()) / absl::StrCat("damaged_file_test.", getpid())) {
    fs::create_directories(folder_);
    std::ifstream in(TinyModelPath(), std::ios::binary);
    bytes_ = {std::istreambuf_iterator<char>(in), {}};
    header_bytes_ = InspectGguf(TinyModelPath())->header_bytes.front();
  }
  ~DamagedFile() override { fs::remove_all(folder_); }

  std::string Write(std::string_view bytes) const {
    const fs::path path = folder_ / "damaged.gguf";
    std::ofstream(path, std::ios::binary).write(bytes.data(), std::ssize(bytes));
    return path;
  }

  // Loads it as the worker does, which decodes once to warm up.
  static bool Load(const std::string& path) {
    ModelHost host(
        {.reap = [](HostedModel* model) { const std::unique_ptr<HostedModel> owned(model); }});
    LoadSpec spec;
    spec.name = "damaged";
    spec.path = path;
    spec.engine = DefaultConfig().engine();
    spec.engine.set_slots(1);
    spec.engine.set_threads(1);
    spec.engine.set_context_tokens(64);
    return host.Load(spec, nullptr).ok();
  }

  // In a child that must come to its end.
  Outcome Try(const std::vector<Damage>& damages) {
    auto* const outcome = static_cast<Outcome*>(
        mmap(nullptr, sizeof(Outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    *outcome = {};
    const pid_t child = fork();
    if (child == 0) {
      const Backend backend;
      for (const Damage& damage : damages) {
        std::string damaged = bytes_;
        damaged.replace(damage.at, damage.bytes.size(), damage.bytes);
        const std::string path = Write(damaged);
        ++outcome->tried;
        if (!InspectGguf(path).ok()) continue;
        ++outcome->accepted;
        if (Load(path)) ++outcome->loaded;
      }
      _exit(0);
    }
    int ended = -1;
    EXPECT_EQ(waitpid(child, &ended, 0), child);
    if (ended != 0) {
      const Damage& last = damages.at(outcome->tried - 1);
      ADD_FAILURE() << absl::CHexEscape(last.bytes) << " at byte " << last.at
                    << " ends the process: wait status " << ended;
    }
    const Outcome result = *outcome;
    munmap(outcome, sizeof(Outcome));
    return result;
  }

  const fs::path folder_;
  std::string bytes_;
  std::size_t header_bytes_ = 0;
};

TEST_F(DamagedFile, CutOffAnywhereIsRefused) {
  const Backend backend;
  std::mt19937 random(11);
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size < 200; ++size) sizes.push_back(size);
  for (int i = 0; i < 300; ++i)
    sizes.push_back(std::uniform_int_distribution<std::size_t>(0, header_bytes_ + 5000)(random));
  sizes.push_back(bytes_.size() - 1);

  const std::string path = Write(bytes_);
  std::ranges::sort(sizes, std::ranges::greater{});
  for (const std::size_t size : sizes) {
    fs::resize_file(path, size);
    EXPECT_EQ(InspectGguf(path).status().code(), absl::StatusCode::kInvalidArgument) << size;
  }
}

TEST_F(DamagedFile, WithOneWrongByteHarmsNobody) {
  constexpr int kCases = 400;
  constexpr std::size_t kMetadata = 1500;  // names and numbers; then texts; then the tensors' table
  std::mt19937 random(7);
  std::vector<Damage> damages;
  for (int i = 0; i < kCases; ++i) {
    const std::size_t from = i % 3 == 2 ? header_bytes_ - 3500 : 0;
    const std::size_t to = i % 3 == 0 ? kMetadata : header_bytes_;
    const auto at = std::uniform_int_distribution<std::size_t>(from, to - 1)(random);
    damages.push_back({at, std::string(1, static_cast<char>(random()))});
  }

  const Outcome outcome = Try(damages);

  // Neither everything is refused, nor everything taken.
  EXPECT_GT(outcome.loaded, 50);
  EXPECT_LT(outcome.accepted, kCases - 50);
}

TEST_F(DamagedFile, WithAWrongNumberHarmsNobody) {
  std::vector<Damage> damages;
  const std::unique_ptr<gguf_context, decltype(&gguf_free)> gguf(
      gguf_init_from_file(TinyModelPath().c_str(), {.no_alloc = true, .ctx = nullptr}), &gguf_free);
  for (std::int64_t id = 0; id < gguf_get_n_kv(gguf.get()); ++id) {
    if (gguf_get_kv_type(gguf.get(), id) != GGUF_TYPE_UINT32) continue;
    // A key is followed by four bytes of its type, then by its value.
    const std::string key = gguf_get_key(gguf.get(), id);
    const std::size_t at = bytes_.find(key) + key.size() + 4;
    for (const std::uint32_t number : {0U, 1U, 3U, 1U << 16, 0x7fff'ffffU, 0xffff'ffffU})
      damages.push_back({at, std::string(reinterpret_cast<const char*>(&number), sizeof(number))});
  }
  ASSERT_GT(damages.size(), 30);

  Try(damages);
}

TEST_F(DamagedFile, DoesNotKeepAModelsOtherFilesFromBeingLoaded) {
  const Backend backend;
  const std::string bad = Write(bytes_.substr(0, 1000));
  std::vector<std::string> told;
  ModelHost host(
      {.reap = [](HostedModel* model) { const std::unique_ptr<HostedModel> owned(model); },
       .on_bad_file =
           [&](const std::string& path, const absl::Status& why) {
             EXPECT_FALSE(why.ok());
             told.push_back(path);
           }});
  LoadSpec spec;
  spec.name = "tiny";
  spec.engine = DefaultConfig().engine();
  spec.engine.set_threads(1);
  spec.path = bad;
  spec.variants = {folder_ / "missing.gguf", TinyModelPath()};

  const auto estimate = host.Estimate(spec);
  const auto hosted = host.Load(spec, nullptr);

  ASSERT_TRUE(hosted.ok()) << hosted.status();
  EXPECT_EQ((*hosted)->model()->facts().path, TinyModelPath());
  EXPECT_EQ(told, (std::vector<std::string>{bad, folder_ / "missing.gguf"}));
  ASSERT_TRUE(estimate.ok());
  ASSERT_EQ(estimate->files.size(), 3);
  EXPECT_EQ(estimate->chosen_path, TinyModelPath());
  EXPECT_TRUE(estimate->files[0].error.ok());
  EXPECT_EQ(estimate->files[1].error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(estimate->files[2].error.code(), absl::StatusCode::kNotFound);
}

TEST_F(DamagedFile, IsTheErrorOfAModelThatHasNoOther) {
  const Backend backend;
  ModelHost host(
      {.reap = [](HostedModel* model) { const std::unique_ptr<HostedModel> owned(model); }});
  LoadSpec spec;
  spec.name = "tiny";
  spec.engine = DefaultConfig().engine();
  spec.path = Write(bytes_.substr(0, 1000));
  spec.variants = {folder_ / "missing.gguf"};

  EXPECT_EQ(host.Load(spec, nullptr).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(host.Estimate(spec).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace chasqui::worker
