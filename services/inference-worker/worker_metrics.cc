// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/worker_metrics.h"

#include <algorithm>
#include <chrono>

#include "common/observability/buckets.h"

namespace chasqui::worker {
namespace {

using observability::kCounts;
using observability::kInterTokenSeconds;
using observability::kRequestSeconds;
using observability::kTimeToFirstTokenSeconds;
using observability::kTokens;

double Seconds(time::Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string_view ReasonName(EndReason reason) {
  switch (reason) {
    case EndReason::kStop:
      return "stop";
    case EndReason::kStopString:
      return "stop_string";
    case EndReason::kMaxTokens:
      return "max_tokens";
    case EndReason::kMaxTime:
      return "max_time";
    case EndReason::kContextFull:
      return "context_full";
    case EndReason::kFormatDeadEnd:
      return "format_dead_end";
  }
  return "unknown";
}

// Holds the histograms themselves: to look them up in each step would cost more than they do.
class StepMetrics final : public EngineObserver {
 public:
  StepMetrics(observability::Histogram& duration, observability::Histogram& tokens,
              observability::Histogram& sequences, observability::Histogram& cancel_to_free)
      : duration_(duration),
        tokens_(tokens),
        sequences_(sequences),
        cancel_to_free_(cancel_to_free) {}

  void OnStep(const StepReport& step) override {
    duration_.Observe(Seconds(step.duration));
    tokens_.Observe(step.prompt_tokens + step.decoding);
    sequences_.Observe(step.sequences);
  }

  void OnCancelled(time::Duration since) override { cancel_to_free_.Observe(Seconds(since)); }

 private:
  observability::Histogram& duration_;
  observability::Histogram& tokens_;
  observability::Histogram& sequences_;
  observability::Histogram& cancel_to_free_;
};

}  // namespace

WorkerMetrics::WorkerMetrics(observability::Metrics& metrics, const ModelHost& host)
    : inter_token_(metrics.AddHistograms("chasqui_worker_inter_token_latency_seconds",
                                         "From one piece of an answer to the next.",
                                         kInterTokenSeconds, {"model"})),
      time_to_first_token_(metrics.AddHistograms("chasqui_worker_time_to_first_token_seconds",
                                                 "From a request's arrival to its first token.",
                                                 kTimeToFirstTokenSeconds, {"model"})),
      queue_(metrics.AddHistograms("chasqui_worker_request_queue_time_seconds",
                                   "From a request's arrival to its first step.", kRequestSeconds,
                                   {"model"})),
      prefill_(metrics.AddHistograms("chasqui_worker_request_prefill_time_seconds",
                                     "Time to compute a prompt.", kRequestSeconds, {"model"})),
      decode_(metrics.AddHistograms("chasqui_worker_request_decode_time_seconds",
                                    "From an answer's first token to its last.", kRequestSeconds,
                                    {"model"})),
      end_to_end_(metrics.AddHistograms("chasqui_worker_e2e_request_latency_seconds",
                                        "From a request's arrival to its end.", kRequestSeconds,
                                        {"model"})),
      step_duration_(metrics.AddHistograms("chasqui_worker_step_duration_seconds",
                                           "Time of a step of the engine.", kInterTokenSeconds,
                                           {"model"})),
      step_tokens_(metrics.AddHistograms("chasqui_worker_step_tokens",
                                         "Tokens that a step computed, of prompts and of answers.",
                                         kTokens, {"model"})),
      step_sequences_(metrics.AddHistograms("chasqui_worker_step_sequences",
                                            "Answers that a step computed for.", kCounts,
                                            {"model"})),
      cancel_to_free_(
          metrics.AddHistograms("chasqui_worker_cancel_to_free_seconds",
                                "From a running request's cancellation to its slots being free.",
                                kInterTokenSeconds, {"model"})),
      prompt_tokens_(metrics.AddCounters("chasqui_worker_prompt_tokens_total",
                                         "Prompt tokens of finished requests.", {"model"})),
      generation_tokens_(metrics.AddCounters("chasqui_worker_generation_tokens_total",
                                             "Tokens generated for finished requests.", {"model"})),
      prefix_hit_tokens_(metrics.AddCounters(
          "chasqui_worker_prefix_cache_hit_tokens_total",
          "Prompt tokens of finished requests that were found computed.", {"model"})),
      preemptions_(metrics.AddCounters("chasqui_worker_preemptions_total",
                                       "Times a request was set back for want of KV room.",
                                       {"model"})),
      finished_(metrics.AddCounters("chasqui_worker_requests_finished_total",
                                    "Answers that came to their end, by reason.",
                                    {"model", "finish_reason"})),
      failed_(metrics.AddCounters("chasqui_worker_requests_failed_total",
                                  "Requests refused, failed or cancelled, by status code.",
                                  {"model", "code"})),
      running_(metrics.AddGauges("chasqui_worker_requests_running",
                                 "Requests admitted and not finished.", {"model"})),
      slots_(
          metrics.AddGauges("chasqui_worker_slots", "Requests that can run at once.", {"model"})),
      waiting_(metrics.AddGauges("chasqui_worker_requests_waiting",
                                 "Admitted answers that wait for KV room.", {"model"})),
      kv_usage_(metrics.AddGauges("chasqui_worker_kv_cache_usage_ratio",
                                  "Part of the KV cache in use by running answers, 0 to 1.",
                                  {"model"})),
      host_cache_bytes_(metrics.AddGauges("chasqui_worker_host_cache_bytes",
                                          "Prefixes kept in host memory.", {"model"})),
      vllm_running_(metrics.AddGauges("vllm:num_requests_running",
                                      "As chasqui_worker_requests_running.", {"model_name"})),
      vllm_waiting_(metrics.AddGauges("vllm:num_requests_waiting",
                                      "As chasqui_worker_requests_waiting.", {"model_name"})),
      vllm_kv_usage_(metrics.AddGauges("vllm:kv_cache_usage_perc",
                                       "As chasqui_worker_kv_cache_usage_ratio.", {"model_name"})),
      collector_(metrics.OnCollect([this, &host] { Collect(host); })) {}

std::shared_ptr<EngineObserver> WorkerMetrics::ObserverOf(const std::string& model) {
  return std::make_shared<StepMetrics>(step_duration_.With({model}), step_tokens_.With({model}),
                                       step_sequences_.With({model}),
                                       cancel_to_free_.With({model}));
}

WorkerMetrics::ForModel WorkerMetrics::Of(const std::string& model) {
  return {.inter_token = inter_token_.With({model}),
          .time_to_first_token = time_to_first_token_.With({model}),
          .queue = queue_.With({model}),
          .prefill = prefill_.With({model}),
          .decode = decode_.With({model}),
          .end_to_end = end_to_end_.With({model})};
}

void WorkerMetrics::Finished(const std::string& model, const GenerationFinished& finished,
                             time::Duration end_to_end) {
  const ForModel histograms = Of(model);
  histograms.time_to_first_token.Observe(Seconds(finished.timings.time_to_first_token));
  histograms.queue.Observe(Seconds(finished.timings.queue));
  histograms.prefill.Observe(Seconds(finished.timings.prompt));
  histograms.decode.Observe(Seconds(finished.timings.predicted));
  histograms.end_to_end.Observe(Seconds(end_to_end));
  prompt_tokens_.With({model}).Increment(finished.prompt_tokens);
  generation_tokens_.With({model}).Increment(finished.completion_tokens);
  prefix_hit_tokens_.With({model}).Increment(finished.cached_prompt_tokens);
  preemptions_.With({model}).Increment(finished.timings.preemptions);
  for (const CandidateEnd& end : finished.candidates)
    finished_.With({model, ReasonName(end.reason)}).Increment();
}

void WorkerMetrics::Failed(const std::string& model, absl::StatusCode code) {
  failed_.With({model, absl::StatusCodeToString(code)}).Increment();
}

void WorkerMetrics::Collect(const ModelHost& host) {
  for (const auto& hosted : host.All()) {
    if (hosted->engine() == nullptr) continue;
    const EngineLoad load = hosted->engine()->Load("");
    const std::string& name = hosted->name();
    const double kv_usage =
        load.kv_tokens == 0 ? 0 : static_cast<double>(load.kv_used_tokens) / load.kv_tokens;
    running_.With({name}).Set(load.active);
    waiting_.With({name}).Set(load.waiting);
    slots_.With({name}).Set(load.slots);
    kv_usage_.With({name}).Set(kv_usage);
    host_cache_bytes_.With({name}).Set(static_cast<double>(load.host_cache_bytes));
    vllm_running_.With({name}).Set(load.active - std::min(load.active, load.waiting));
    vllm_waiting_.With({name}).Set(load.waiting);
    vllm_kv_usage_.With({name}).Set(kv_usage);
  }
}

}  // namespace chasqui::worker
