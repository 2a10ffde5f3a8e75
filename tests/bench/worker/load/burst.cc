// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/burst.h"

#include <chrono>
#include <random>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/worker/load/stream_log.h"
#include "tools/load/process_usage.h"

namespace chasqui::bench {
namespace {

constexpr uint32_t kFirstWord = 3 + 256;  // no markers, no single bytes

std::vector<uint32_t> RandomPrompt(const BurstOptions& options, std::mt19937_64& random) {
  std::vector<uint32_t> prompt(options.prompt_tokens);
  for (uint32_t& token : prompt) {
    token = kFirstWord + static_cast<uint32_t>(random() % (options.vocabulary - kFirstWord));
  }
  return prompt;
}

double Milliseconds(time::Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// What the streams came to; an error when one of them failed or is too short.
absl::StatusOr<nlohmann::json> Report(const std::vector<StreamLog>& streams,
                                      const BurstOptions& options, time::Duration elapsed,
                                      time::Duration cpu) {
  uint64_t generated = 0;
  for (const StreamLog& stream : streams) {
    if (!stream.status().ok()) return stream.status();
    if (stream.tokens() < options.generated_tokens) {
      return absl::InternalError(absl::StrCat("a stream of ", stream.tokens(),
                                              " tokens instead of ", options.generated_tokens));
    }
    generated += stream.tokens();
  }
  const uint64_t prompts = uint64_t{options.prompt_tokens} * streams.size();
  nlohmann::json report = {{"total_tokens_per_second", static_cast<double>(prompts + generated) *
                                                           1000 / Milliseconds(elapsed)},
                           {"ttft_mean_ms", Milliseconds(*TimesToFirstToken(streams).Mean())}};
  if (const auto rate = RateWhileAllGenerate(streams)) report["decode_tokens_per_second"] = *rate;
  if (const auto p99 = InterTokenTimes(streams).Percentile(99)) {
    report["inter_token_p99_ms"] = Milliseconds(*p99);
  }
  if (!options.pids.empty()) {
    report["cpu_us_per_token"] = Milliseconds(cpu) * 1000 / static_cast<double>(generated);
  }
  return report;
}

}  // namespace

absl::StatusOr<nlohmann::json> RunBurst(StreamClient& client, const BurstOptions& options) {
  std::mt19937_64 random(options.seed);
  std::vector<StreamRequest> requests;
  for (uint32_t i = 0; i < options.concurrent; ++i) {
    requests.push_back({RandomPrompt(options, random), options.generated_tokens});
  }
  std::vector<StreamLog> streams;
  streams.reserve(requests.size());  // the client keeps references
  ABSL_ASSIGN_OR_RETURN(const load::ProcessUsage before, load::ReadUsage(options.pids));
  const time::SteadyTime begin = time::SteadyNow();
  for (const StreamRequest& request : requests) {
    streams.emplace_back(time::SteadyNow());
    client.Start(request, streams.back());
  }
  client.Run();
  const time::Duration elapsed = time::SteadyNow() - begin;
  ABSL_ASSIGN_OR_RETURN(const load::ProcessUsage after, load::ReadUsage(options.pids));
  return Report(streams, options, elapsed, after.cpu - before.cpu);
}

}  // namespace chasqui::bench
