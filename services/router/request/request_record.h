// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "chasqui/inference/v1/usage.pb.h"
#include "common/time/clock.h"
#include "services/router/auth/grant.h"
#include "services/router/limits/limiter.h"
#include "services/router/limits/token_estimate.h"
#include "services/router/metrics/router_metrics.h"
#include "services/router/relay/stream_progress.h"
#include "services/router/request/inference_method.h"

namespace chasqui::router {

// What is to be told of one request when it has ended. A local of its coroutine.
struct RequestRecord {
  explicit RequestRecord(const InferenceMethod& its_method, time::SteadyTime now)
      : method(its_method), arrived(now), progress(now) {}

  const InferenceMethod& method;
  const time::SteadyTime arrived;
  StreamProgress progress;
  Caller caller;
  std::string tenant;      // the caller's; empty: authentication is off, or failed
  TokenEstimate tokens;    // zero until the request was read
  std::string request_id;  // empty: the request was not read
  std::string model;       // empty: not known which
  std::string worker;      // the last one asked; empty: none
  std::string workers;     // all that were asked, in order, with commas between
  std::string prompt;      // what the access log is to hold of it; empty: nothing
  // Whether it wants a remembered answer, or none.
  bool only_remembered = false;
  // Where the answer comes from, when not from a worker alone.
  inference::v1::AnswerSource answer_source = inference::v1::ANSWER_SOURCE_UNSPECIFIED;
  int attempts = 0;
  int moves = 0;  // to another worker after it had begun, because the one before failed
  time::Duration queue_wait{};
  std::optional<Charge> charge;  // to the caller's quotas; none: it has none
  // Whether it goes on with a stream that was charged when it began: only what is new counts.
  bool goes_on = false;
  // Whether the error is the router's own, and not a worker's.
  bool refused = false;
};

// Counts the request, which ended with `status`; `usage` is zero where it is not known.
void Count(const RequestRecord& record, const absl::Status& status,
           const inference::v1::Usage& usage, time::SteadyTime now, RouterMetrics& metrics);

}  // namespace chasqui::router
