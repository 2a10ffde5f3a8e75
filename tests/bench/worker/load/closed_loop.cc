// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/closed_loop.h"

#include <cstddef>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status_macros.h"
#include "tests/bench/worker/load/stream_log.h"
#include "tests/bench/worker/load/streams.h"

namespace chasqui::bench {
namespace {

std::vector<StreamRequest> DrawRequests(const ClosedLoopOptions& options) {
  PromptSource source(options.vocabulary, options.seed);
  std::vector<StreamRequest> requests(options.requests);
  for (StreamRequest& request : requests) {
    request.prompt = source.Tokens(source.Number(options.prompt_tokens));
    request.generated_tokens = source.Number(options.generated_tokens);
  }
  return requests;
}

// The users, who share one sequence of requests.
class Users {
 public:
  Users(Streams& streams, std::vector<StreamRequest> requests)
      : streams_(streams), requests_(std::move(requests)) {}

  // One user's next request, if there is any left. None is once a stream has failed.
  void AskNext(time::SteadyTime now) {
    if (next_ == requests_.size()) return;
    streams_.Start(requests_[next_++], now,
                   {.on_end = [this](const absl::Status& status, time::SteadyTime when) {
                     if (!status.ok()) next_ = requests_.size();
                     AskNext(when);
                   }});
  }

 private:
  Streams& streams_;
  const std::vector<StreamRequest> requests_;
  size_t next_ = 0;
};

}  // namespace

absl::StatusOr<nlohmann::json> RunClosedLoop(StreamClient& client,
                                             const ClosedLoopOptions& options) {
  Streams streams(client);
  Users users(streams, DrawRequests(options));
  const time::SteadyTime begin = time::SteadyNow();
  for (uint32_t user = 0; user < options.users; ++user) users.AskNext(time::SteadyNow());
  client.Run();
  const time::Duration elapsed = time::SteadyNow() - begin;
  ABSL_RETURN_IF_ERROR(streams.Check());
  const std::vector<StreamLog> logs = streams.logs();
  const load::Samples ttft = TimesToFirstToken(logs);
  return nlohmann::json{{"generated_tokens_per_second",
                         static_cast<double>(TokensOf(logs)) * 1000 / Milliseconds(elapsed)},
                        {"ttft_mean_ms", Milliseconds(*ttft.Mean())},
                        {"ttft_p99_ms", Milliseconds(*ttft.Percentile(99))}};
}

}  // namespace chasqui::bench
