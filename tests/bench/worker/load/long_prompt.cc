// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/long_prompt.h"

#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status_macros.h"
#include "tests/bench/worker/load/lasting_streams.h"
#include "tests/bench/worker/load/prompt_source.h"
#include "tests/bench/worker/load/stream_log.h"
#include "tests/bench/worker/load/streams.h"

namespace chasqui::bench {

absl::StatusOr<nlohmann::json> RunLongPrompt(StreamClient& client,
                                             const LongPromptOptions& options) {
  PromptSource source(options.vocabulary, options.seed);
  const StreamRequest long_request{source.Tokens(options.prompt_tokens), options.generated_tokens};
  Streams measured(client);
  LastingStreams running(client, [&]() -> StreamRequest {
    return {source.Tokens(options.running_prompt_tokens), options.running_tokens};
  });
  running.Start(options.running, options.lead_tokens, time::SteadyNow(), [&](time::SteadyTime now) {
    measured.Start(long_request, now,
                   {.on_tokens = [&](const StreamLog&, time::SteadyTime) { running.LetEnd(); },
                    .on_end = [&](const absl::Status&, time::SteadyTime) { running.LetEnd(); }});
  });
  client.Run();
  ABSL_RETURN_IF_ERROR(running.Check());
  ABSL_RETURN_IF_ERROR(measured.Check());

  const StreamLog arrived = measured.logs().front();
  const time::SteadyTime first_token = arrived.arrivals().front().when;
  nlohmann::json report = {{"long_prompt_ttft_ms", Milliseconds(first_token - arrived.begin())}};
  if (const auto gap = WorstGap(running.logs(), arrived.begin(), first_token)) {
    report["worst_gap_ms"] = Milliseconds(*gap);
  }
  return report;
}

}  // namespace chasqui::bench
