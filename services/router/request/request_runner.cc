// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/request_runner.h"

#include <chrono>
#include <optional>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "common/time/clock.h"
#include "services/router/dispatch/retry_decision.h"
#include "services/router/policy/policy.h"
#include "services/router/relay/append_fields.h"
#include "services/router/relay/worker_channel.h"
#include "services/router/request/request_id.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

constexpr char kRequestIdKey[] = "x-request-id";
constexpr char kRouterIdKey[] = "x-chasqui-router-id";
constexpr char kTraceKey[] = "traceparent";
constexpr char kNoFallbackKey[] = "x-chasqui-no-fallback";
constexpr std::chrono::milliseconds kRetryAfterFailure = 1s;

double Seconds(time::Duration duration) { return std::chrono::duration<double>(duration).count(); }

// A connection that could not be made or broke speaks in the transport's words, which mean little
// to a client and tell addresses: it gets ours. What a worker itself said is passed on as it is.
absl::Status Explain(AttemptEnd end, std::string_view worker) {
  if (!absl::IsUnavailable(end.status) || !status::ErrorReason(end.status).empty()) {
    return std::move(end.status);
  }
  return end.relayed ? status::Unavailable("WORKER_LOST",
                                           absl::StrCat("worker '", worker,
                                                        "' was lost in the middle of the answer"),
                                           kRetryAfterFailure)
                     : status::Unavailable("WORKER_UNREACHABLE",
                                           absl::StrCat("worker '", worker, "' cannot be reached"),
                                           kRetryAfterFailure);
}

// Counts a request for as long as it lives.
class InFlight {
 public:
  explicit InFlight(observability::Gauge& gauge) : gauge_(gauge) { gauge_.Increment(); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() { gauge_.Decrement(); }

 private:
  observability::Gauge& gauge_;
};

}  // namespace

RequestRunner::RequestRunner(Options options, SharedFleet& fleet, RouterMetrics& metrics,
                             observability::Logger log)
    : options_(std::move(options)), fleet_(fleet), metrics_(metrics), log_(std::move(log)) {}

rpc::Task<absl::Status> RequestRunner::Run(const InferenceMethod& method,
                                           rpc::ServerCall& call) const {
  const InFlight in_flight(metrics_.in_flight);
  RequestRecord record(method, time::SteadyNow());
  absl::Status status = co_await Serve(call, record);
  const time::SteadyTime now = time::SteadyNow();
  if (call.cancelled()) {
    status = now >= call.deadline() ? absl::DeadlineExceededError("the client's deadline passed")
                                    : absl::CancelledError("the client is gone");
    record.refused = false;
  }
  Conclude(record, status, now, metrics_, log_);
  co_return status;
}

rpc::Task<absl::Status> RequestRunner::Serve(rpc::ServerCall& call, RequestRecord& record) const {
  record.refused = true;
  std::optional<grpc::ByteBuffer> bytes = co_await call.Read();
  if (!bytes.has_value()) {
    co_return status::InvalidArgument("", "the call ended without a request");
  }
  absl::StatusOr<Admitted> admitted = Admit(call, *bytes, record);
  if (!admitted.ok()) co_return std::move(admitted).status();
  bytes.reset();
  Waiter& waiter = *admitted->waiter;
  absl::Status failure;
  // Each turn is one attempt. It ends: attempts are counted, and what is not counted waits for a
  // worker's next report.
  for (;;) {
    absl::StatusOr<Lease> lease = co_await Wait(call, *admitted, record);
    if (!lease.ok()) {
      if (FallBack(lease.status(), *admitted, record)) continue;
      // That the worker failed says more than that there is no other.
      const bool no_other = absl::IsUnavailable(lease.status()) && !failure.ok();
      record.refused = !no_other;
      co_return no_other ? failure : std::move(lease).status();
    }
    record.refused = false;
    const SessionId session = lease->place().session;
    AttemptEnd end = co_await Attempt(call, *admitted, *std::move(lease), record);
    if (end.status.ok() || call.cancelled()) co_return end.status;
    waiter.refusable = false;
    const AfterFailure next =
        Decide({.error = end.status, .relayed = end.relayed, .attempts = record.attempts},
               options_.max_attempts);
    const bool full = next == AfterFailure::kWorkerFull;
    failure = full ? std::move(end.status) : Explain(std::move(end), record.worker);
    // What takes no slot cannot be refused for want of one; a worker that does so is not asked
    // again and again.
    if (next == AfterFailure::kPassOn || (full && !waiter.needs_slot)) co_return failure;
    metrics_.retries.With({full ? "full" : "unreachable"}).Increment();
    if (full) {
      --record.attempts;
    } else {
      waiter.avoid.push_back(session);
    }
  }
}

absl::StatusOr<RequestRunner::Admitted> RequestRunner::Admit(rpc::ServerCall& call,
                                                             const grpc::ByteBuffer& bytes,
                                                             RequestRecord& record) const {
  ABSL_ASSIGN_OR_RETURN(Asked asked, record.method.read(bytes, options_.prefix_block_bytes));
  record.request_id = ChooseRequestId(asked.request_id, call.Metadata(kRequestIdKey));
  ModelChoice choice(asked, call.Metadata(kNoFallbackKey) != "1", fleet_, options_.fallbacks);
  absl::StatusOr<std::string> model = choice.First();
  if (!model.ok()) {
    std::optional<std::string> instead = choice.Instead(model.status());
    if (!instead.has_value()) return std::move(model).status();
    metrics_.fallbacks.With({asked.model, *instead}).Increment();
    model = *std::move(instead);
  }
  record.model = *std::move(model);
  std::string fields;
  if (asked.model != record.model) PutTextField(record.method.model_field, record.model, fields);
  if (record.method.request_id_field != 0 && asked.request_id.empty()) {
    PutTextField(record.method.request_id_field, record.request_id, fields);
  }
  MeasureProgress(record);
  Admitted admitted{.request = AppendFields(bytes, fields),
                    .waiter = std::make_shared<Waiter>(call.loop()),
                    .choice = std::move(choice)};
  admitted.waiter->model = record.model;
  admitted.waiter->needs_slot = record.method.takes_slot;
  if (!asked.prefix.empty()) {
    admitted.waiter->prefix =
        std::make_shared<const std::vector<std::uint64_t>>(std::move(asked.prefix));
  }
  admitted.waiter->arrival = fleet_.NextArrival();
  return admitted;
}

bool RequestRunner::FallBack(const absl::Status& failure, Admitted& admitted,
                             RequestRecord& record) const {
  // In the middle of an answer another model would go on with another one's text.
  if (record.progress.events() > 0) return false;
  std::optional<std::string> instead = admitted.choice.Instead(failure);
  if (!instead.has_value()) return false;
  metrics_.fallbacks.With({record.model, *instead}).Increment();
  record.model = *std::move(instead);
  std::string field;
  PutTextField(record.method.model_field, record.model, field);
  admitted.request = AppendFields(admitted.request, field);
  admitted.waiter->model = record.model;
  MeasureProgress(record);
  return true;
}

void RequestRunner::MeasureProgress(RequestRecord& record) const {
  if (record.method.kind != rpc::MethodKind::kServerStream) return;
  record.progress.Measure(metrics_.first_token.With({record.model}),
                          metrics_.inter_token.With({record.model}));
}

rpc::Task<absl::StatusOr<Lease>> RequestRunner::Wait(rpc::ServerCall& call,
                                                     const Admitted& admitted,
                                                     RequestRecord& record) const {
  const time::SteadyTime since = time::SteadyNow();
  absl::StatusOr<Lease> lease = co_await fleet_.Acquire(call, admitted.waiter);
  const time::SteadyTime now = time::SteadyNow();
  record.queue_wait += now - since;
  if (admitted.waiter->refusable) {  // the first time
    if (record.method.takes_slot) {
      metrics_.queue_seconds.With({record.model}).Observe(Seconds(now - since));
    }
    if (lease.ok()) metrics_.overhead.Observe(Seconds(since - record.arrived));
  }
  co_return lease;
}

rpc::Task<AttemptEnd> RequestRunner::Attempt(rpc::ServerCall& call, const Admitted& admitted,
                                             Lease lease, RequestRecord& record) const {
  ++record.attempts;
  record.worker = lease.place().member->worker_id;
  metrics_.picks.With({record.worker}).Increment();
  metrics_.decisions.With({options_.policy, ReasonName(lease.place().reason)}).Increment();
  const rpc::Channel& channel = lease.place().channel->For(call.loop());
  const std::string path(call.method());
  if (record.method.kind == rpc::MethodKind::kUnary) {
    UpstreamUnary upstream(call.loop(), channel, path, admitted.request,
                           UpstreamOptions(call, record));
    co_return co_await RelayUnary(call, std::move(upstream), std::move(lease));
  }
  UpstreamStream upstream(call.loop(), channel, path, UpstreamOptions(call, record));
  upstream.WriteLast(admitted.request);
  co_return co_await RelayStream(call, std::move(upstream), std::move(lease),
                                 options_.max_buffered_events, record.progress);
}

rpc::CallOptions RequestRunner::UpstreamOptions(rpc::ServerCall& call,
                                                const RequestRecord& record) const {
  rpc::CallOptions options;
  options.parent = &call;
  options.metadata = {{kRouterIdKey, options_.router_id}, {kRequestIdKey, record.request_id}};
  if (const auto trace = call.Metadata(kTraceKey)) options.metadata.emplace_back(kTraceKey, *trace);
  return options;
}

}  // namespace chasqui::router
