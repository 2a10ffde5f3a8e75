// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/shared_prefix.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status_macros.h"
#include "tests/bench/worker/load/lasting_streams.h"
#include "tests/bench/worker/load/prompt_source.h"
#include "tests/bench/worker/load/stream_log.h"
#include "tests/bench/worker/load/streams.h"

namespace chasqui::bench {

absl::StatusOr<nlohmann::json> RunSharedPrefix(StreamClient& client,
                                               const SharedPrefixOptions& options) {
  PromptSource source(options.vocabulary, options.seed);
  const std::vector<uint32_t> prefix = source.Tokens(options.prefix_tokens);
  const auto next_request = [&](uint32_t generated_tokens) {
    StreamRequest request{prefix, generated_tokens};
    std::ranges::copy(source.Tokens(options.suffix_tokens), std::back_inserter(request.prompt));
    return request;
  };

  Streams measured(client);
  for (int alone = 0; alone < 2; ++alone) {
    measured.Start(next_request(options.generated_tokens), time::SteadyNow());
    client.Run();
    ABSL_RETURN_IF_ERROR(measured.Check());
  }
  LastingStreams running(client, [&] { return next_request(options.running_tokens); });
  running.Start(1, 1, time::SteadyNow(), [&](time::SteadyTime now) {
    measured.Start(next_request(options.generated_tokens), now,
                   {.on_tokens = [&](const StreamLog&, time::SteadyTime) { running.LetEnd(); },
                    .on_end = [&](const absl::Status&, time::SteadyTime) { running.LetEnd(); }});
  });
  client.Run();
  ABSL_RETURN_IF_ERROR(running.Check());
  ABSL_RETURN_IF_ERROR(measured.Check());

  const std::vector<StreamLog> logs = measured.logs();
  const auto ttft = [&logs](size_t i) {
    return Milliseconds(logs.at(i).arrivals().front().when - logs.at(i).begin());
  };
  return nlohmann::json{
      {"ttft_cold_ms", ttft(0)}, {"ttft_warm_ms", ttft(1)}, {"ttft_warm_other_slot_ms", ttft(2)}};
}

}  // namespace chasqui::bench
