// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/burst.h"

#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status_macros.h"
#include "tests/bench/worker/load/prompt_source.h"
#include "tests/bench/worker/load/stream_log.h"
#include "tests/bench/worker/load/streams.h"
#include "tools/load/process_usage.h"

namespace chasqui::bench {
namespace {

nlohmann::json Report(const std::vector<StreamLog>& streams, const BurstOptions& options,
                      time::Duration elapsed, time::Duration cpu) {
  const uint64_t generated = TokensOf(streams);
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
  PromptSource prompts(options.vocabulary, options.seed);
  std::vector<StreamRequest> requests;
  for (uint32_t i = 0; i < options.concurrent; ++i) {
    requests.push_back({prompts.Tokens(options.prompt_tokens), options.generated_tokens});
  }
  Streams streams(client);
  ABSL_ASSIGN_OR_RETURN(const load::ProcessUsage before, load::ReadUsage(options.pids));
  const time::SteadyTime begin = time::SteadyNow();
  for (const StreamRequest& request : requests) streams.Start(request, time::SteadyNow());
  client.Run();
  const time::Duration elapsed = time::SteadyNow() - begin;
  ABSL_ASSIGN_OR_RETURN(const load::ProcessUsage after, load::ReadUsage(options.pids));
  ABSL_RETURN_IF_ERROR(streams.Check());
  return Report(streams.logs(), options, elapsed, after.cpu - before.cpu);
}

}  // namespace chasqui::bench
