// SPDX-License-Identifier: Apache-2.0
#include "services/router/metrics/router_metrics.h"

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "services/router/fleet/worker_view.h"

namespace chasqui::router {
namespace {

constexpr std::array<std::string_view, kPriorities> kPriorityNames = {"low", "normal", "high"};

struct FleetSizes {
  std::vector<Dispatcher::QueueView> queues;
  std::size_t starting = 0;
  std::size_t ready = 0;
  std::size_t draining = 0;
  std::size_t suspect = 0;
  std::size_t ejected = 0;
};

FleetSizes Count(const Dispatcher& dispatcher, time::SteadyTime now) {
  FleetSizes sizes{.queues = dispatcher.Queues(now)};
  for (const auto& [id, member] : dispatcher.registry().members()) {
    if (member->suspect) {
      ++sizes.suspect;
    } else if (member->takes_requests() && member->breaker.Ejects(now)) {
      ++sizes.ejected;
    } else if (member->takes_requests()) {
      ++sizes.ready;
    } else if (member->load.state() == fleet::v1::WORKER_STATE_STARTING) {
      ++sizes.starting;
    } else {
      ++sizes.draining;
    }
  }
  return sizes;
}

}  // namespace

RouterMetrics::RouterMetrics(observability::Metrics& metrics)
    : requests(metrics.AddCounters("chasqui_router_requests_total",
                                   "Requests ended, by the code their client was told.",
                                   {"method", "model", "code"})),
      refused(metrics.AddCounters("chasqui_router_refused_total",
                                  "Requests that the router refused itself, by reason.",
                                  {"reason"})),
      retries(metrics.AddCounters("chasqui_router_retries_total",
                                  "Attempts on a worker that were followed by another, by reason.",
                                  {"model", "tenant", "reason"})),
      moves(metrics.AddCounters("chasqui_router_stream_moves_total",
                                "Streams that went on at another worker, by reason.",
                                {"model", "tenant", "reason"})),
      resumed(metrics.AddCounters("chasqui_router_streams_resumed_total",
                                  "Streams that a client took up again, by who had them.",
                                  {"source"})),
      retries_denied(metrics.AddCounter(
          "chasqui_router_retries_denied_total",
          "Requests that got the error of an attempt because the retry budget was spent.")),
      ejections(metrics.AddCounters("chasqui_router_ejections_total",
                                    "Ejections of workers that failed again and again, by the "
                                    "model of the last request that failed.",
                                    {"worker", "model"})),
      tokens(metrics.AddCounters("chasqui_router_tokens_total",
                                 "Tokens of requests that told their usage: prompt, of it "
                                 "cached_prompt, and completion.",
                                 {"model", "tenant", "kind"})),
      picks(metrics.AddCounters("chasqui_router_picks_total", "Attempts, by the chosen worker.",
                                {"worker"})),
      fallbacks(metrics.AddCounters("chasqui_router_fallbacks_total",
                                    "Requests that went to another model because no worker was "
                                    "left for theirs.",
                                    {"from", "to"})),
      decisions(metrics.AddCounters("chasqui_router_decisions_total",
                                    "Attempts, by policy and why it chose the worker.",
                                    {"model", "tenant", "policy", "reason"})),
      request_seconds(metrics.AddHistograms("chasqui_router_request_seconds",
                                            "From a request's arrival to its end.",
                                            observability::kRequestSeconds, {"method", "model"})),
      queue_seconds(metrics.AddHistograms("chasqui_router_queue_wait_seconds",
                                          "Wait of requests for a slot.",
                                          observability::kRequestSeconds, {"model", "tenant"})),
      first_token(metrics.AddHistograms("chasqui_router_time_to_first_token_seconds",
                                        "From a stream's arrival to its first chunk.",
                                        observability::kTimeToFirstTokenSeconds,
                                        {"model", "tenant"})),
      inter_token(metrics.AddHistograms("chasqui_router_inter_token_seconds",
                                        "From one chunk of a stream to the next.",
                                        observability::kInterTokenSeconds, {"model", "tenant"})),
      overhead(metrics.AddHistogram(
          "chasqui_router_overhead_seconds",
          "From a request's arrival to its first call to a worker, without the wait for a slot.",
          observability::kRpcSeconds)),
      in_flight(metrics.AddGauge("chasqui_router_requests_in_flight",
                                 "Requests that have arrived and not ended.")),
      queued(metrics.AddGauges("chasqui_router_queue_requests", "Requests that wait for a slot.",
                               {"model"})),
      queued_by_priority(metrics.AddGauges(
          "chasqui_router_queue_priority_requests",
          "Requests that wait for a slot, by the priority they have reached; \"returned\" from an "
          "attempt.",
          {"model", "priority"})),
      queued_tokens(metrics.AddGauges("chasqui_router_queue_tokens",
                                      "Tokens of the requests that wait, by estimate.",
                                      {"model", "priority"})),
      running(metrics.AddGauges("chasqui_router_requests_running",
                                "Requests of this router in slots of workers.", {"model"})),
      workers(metrics.AddGauges(
          "chasqui_router_workers",
          "Members of the fleet: starting, ready, draining, suspect, ejected.", {"state"})),
      kept_bytes(metrics.AddGauge("chasqui_router_kept_stream_bytes",
                                  "Streams kept for clients that left.")) {}

void Collect(const SharedFleet& fleet, RouterMetrics& metrics) {
  const FleetSizes sizes = fleet.Look(&Count);
  for (const Dispatcher::QueueView& queue : sizes.queues) {
    metrics.queued.With({queue.model}).Set(static_cast<double>(queue.waiting));
    metrics.running.With({queue.model}).Set(queue.running);
    Work rest{.requests = queue.waiting, .tokens = queue.waiting_tokens};
    const auto set = [&](std::string_view priority, const Work& work) {
      metrics.queued_by_priority.With({queue.model, priority})
          .Set(static_cast<double>(work.requests));
      metrics.queued_tokens.With({queue.model, priority}).Set(static_cast<double>(work.tokens));
    };
    for (std::size_t i = 0; i < kPriorities; ++i) {
      set(kPriorityNames[i], queue.classes[i]);
      rest.requests -= queue.classes[i].requests;
      rest.tokens -= queue.classes[i].tokens;
    }
    set("returned", rest);
  }
  for (const auto& [state, count] :
       std::array<std::pair<std::string_view, std::size_t>, 5>{{{"starting", sizes.starting},
                                                                {"ready", sizes.ready},
                                                                {"draining", sizes.draining},
                                                                {"suspect", sizes.suspect},
                                                                {"ejected", sizes.ejected}}}) {
    metrics.workers.With({state}).Set(static_cast<double>(count));
  }
}

}  // namespace chasqui::router
