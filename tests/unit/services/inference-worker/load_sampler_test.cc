// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/load_sampler.h"

#include <vector>

#include <gtest/gtest.h>

#include "common/concurrency/named_thread.h"

namespace chasqui::worker {
namespace {

TEST(LoadSampler, TellsTheMemoryOfThisProcess) {
  LoadSampler sampler;
  const std::uint64_t before = sampler.Read().resident_bytes;

  const std::vector<char> more(64 << 20, 'x');
  LoadSampler later;

  EXPECT_GT(before, 1U << 20);
  EXPECT_GT(later.Read().resident_bytes, before + (32U << 20)) << more.size();
}

TEST(LoadSampler, GivesAllWhoReadAtOnceTheSame) {
  LoadSampler sampler;
  const LoadSampler::Sample first = sampler.Read();
  std::vector<LoadSampler::Sample> read(4);
  {
    std::vector<concurrency::NamedThread> threads;
    for (LoadSampler::Sample& sample : read)
      threads.emplace_back("reader", [&](const std::stop_token&) { sample = sampler.Read(); });
  }

  for (const LoadSampler::Sample& sample : read) {
    EXPECT_EQ(sample.resident_bytes, first.resident_bytes);
    EXPECT_EQ(sample.cpu_cores, first.cpu_cores);
  }
}

}  // namespace
}  // namespace chasqui::worker
