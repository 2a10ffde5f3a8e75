// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/request_runner.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status_macros.h"
#include "common/rpc/client_call.h"
#include "common/status/status.h"
#include "common/time/clock.h"
#include "services/router/dispatch/retry_decision.h"
#include "services/router/relay/append_fields.h"
#include "services/router/relay/relay.h"
#include "services/router/relay/worker_channel.h"
#include "services/router/request/ask_cache.h"
#include "services/router/request/queue_cost.h"
#include "services/router/request/request_id.h"
#include "services/router/request/usage_of.h"

namespace chasqui::router {
namespace {

constexpr char kRequestIdKey[] = "x-request-id";
constexpr char kNoFallbackKey[] = "x-chasqui-no-fallback";

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

RequestRunner::RequestRunner(const Options& options, EntryControl entry, const Attempts& attempts,
                             StreamStore& store, CacheAccess& cache, const AccessLog& access_log)
    : options_(options),
      entry_(entry),
      attempts_(attempts),
      store_(store),
      cache_(cache),
      access_log_(access_log) {}

rpc::Task<absl::Status> RequestRunner::Run(const InferenceMethod& method,
                                           rpc::ServerCall& call) const {
  RequestRecord record(method, time::SteadyNow());
  co_return co_await Record(call, record, Serve(call, record));
}

rpc::Task<absl::Status> RequestRunner::Record(rpc::ServerCall& call, RequestRecord& record,
                                              rpc::Task<absl::Status> serving) const {
  const InFlight in_flight(attempts_.metrics().in_flight);
  const auto active = attempts_.fleet().retry_budget().Begin();
  record.refused = true;
  absl::Status status = co_await std::move(serving);
  entry_.Settle(call, status, record);
  const std::optional<inference::v1::Usage> usage = UsageOf(call, record.method);
  const time::SteadyTime now = time::SteadyNow();
  if (call.cancelled()) {
    status = now >= call.deadline() ? absl::DeadlineExceededError("the client's deadline passed")
                                    : absl::CancelledError("the client is gone");
    record.refused = false;
  }
  const inference::v1::Usage used = usage.value_or(inference::v1::Usage());
  Count(record, status, used, now, attempts_.metrics());
  access_log_.Write(call, record, status, used, now);
  co_return status;
}

rpc::Task<absl::Status> RequestRunner::Serve(rpc::ServerCall& call, RequestRecord& record) const {
  if (absl::Status known = entry_.Identify(call, record); !known.ok()) co_return known;
  const std::optional<grpc::ByteBuffer> bytes = co_await call.Read();
  if (!bytes.has_value()) {
    co_return status::InvalidArgument("", "the call ended without a request");
  }
  co_return co_await Serve(call, *bytes, record);
}

rpc::Task<absl::Status> RequestRunner::Serve(rpc::ServerCall& call, const grpc::ByteBuffer& bytes,
                                             RequestRecord& record) const {
  absl::StatusOr<Admitted> admitted = Admit(call, bytes, record);
  if (!admitted.ok()) co_return std::move(admitted).status();
  if (EntryControl::HasQuotas(record)) {
    if (absl::Status charged = co_await entry_.Charge(call, record); !charged.ok()) {
      co_return charged;
    }
  }
  absl::StatusOr<std::optional<AnswerVisit::Question>> question =
      AskCache(call, admitted->request, attempts_.fleet(), cache_, record);
  if (!question.ok()) co_return std::move(question).status();
  // An answer that is shared comes in events, whoever asked for it.
  if (record.method.kind == rpc::MethodKind::kServerStream || question->has_value()) {
    co_return co_await ServeStream(call, *std::move(admitted), *std::move(question), record);
  }
  co_return co_await ServeUnary(call, *admitted, record);
}

absl::StatusOr<RequestRunner::Admitted> RequestRunner::Admit(rpc::ServerCall& call,
                                                             const grpc::ByteBuffer& bytes,
                                                             RequestRecord& record) const {
  ABSL_ASSIGN_OR_RETURN(Asked asked, record.method.read(bytes, options_.prefix_block_bytes));
  record.request_id = ChooseRequestId(asked.request_id, call.Metadata(kRequestIdKey));
  ModelChoice choice(asked, call.Metadata(kNoFallbackKey) != "1", attempts_.fleet(),
                     options_.fallbacks);
  absl::StatusOr<std::string> model = choice.First();
  if (!model.ok()) {
    std::optional<std::string> instead = choice.Instead(model.status());
    if (!instead.has_value()) return std::move(model).status();
    attempts_.metrics().fallbacks.With({asked.model, *instead}).Increment();
    model = *std::move(instead);
  }
  record.model = *std::move(model);
  record.tokens = asked.tokens;
  record.only_remembered = asked.only_remembered;
  record.prompt = access_log_.PromptOf(record.method, bytes);
  ABSL_RETURN_IF_ERROR(entry_.CheckModel(record));
  std::string fields;
  if (asked.model != record.model) PutTextField(record.method.model_field, record.model, fields);
  if (record.method.request_id_field != 0 && asked.request_id.empty()) {
    PutTextField(record.method.request_id_field, record.request_id, fields);
  }
  MeasureProgress(record);
  Admitted admitted{.request = AppendFields(bytes, fields),
                    .waiter = std::make_shared<Waiter>(call.loop()),
                    .choice = std::move(choice),
                    .resume = std::move(asked.resume)};
  admitted.waiter->model = record.model;
  admitted.waiter->slots = record.method.takes_slot ? asked.answers : 0;
  if (!asked.prefix.empty()) {
    admitted.waiter->prefix =
        std::make_shared<const std::vector<std::uint64_t>>(std::move(asked.prefix));
  }
  admitted.waiter->request_id = record.request_id;
  admitted.waiter->priority = asked.priority;
  admitted.waiter->tenant = record.tenant;
  admitted.waiter->cost_tokens = QueueCost(record.tokens);
  admitted.waiter->deadline = call.deadline();
  admitted.waiter->arrival = attempts_.fleet().NextArrival();
  return admitted;
}

bool RequestRunner::FallBack(const absl::Status& failure, Admitted& admitted,
                             RequestRecord& record) const {
  std::optional<std::string> instead = admitted.choice.Instead(failure);
  if (!instead.has_value() || !EntryControl::MayAsk(record, *instead)) return false;
  attempts_.metrics().fallbacks.With({record.model, *instead}).Increment();
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
  record.progress.Measure(attempts_.metrics().first_token.With({record.model, record.tenant}),
                          attempts_.metrics().inter_token.With({record.model, record.tenant}));
}

rpc::Task<absl::Status> RequestRunner::ServeUnary(rpc::ServerCall& call, Admitted& admitted,
                                                  RequestRecord& record) const {
  Waiter& waiter = *admitted.waiter;
  absl::Status failure;
  std::optional<resilience::RetryBudget::Guard> retry;
  // Each turn is one attempt. It ends: attempts are counted, and what is not counted waits for a
  // worker's next report.
  for (;;) {
    absl::StatusOr<Lease> lease = co_await attempts_.Wait(call, admitted.waiter, record);
    if (!lease.ok()) {
      if (FallBack(lease.status(), admitted, record)) continue;
      // That the worker failed says more than that there is no other.
      const bool no_other = absl::IsUnavailable(lease.status()) && !failure.ok();
      record.refused = !no_other;
      co_return no_other ? failure : std::move(lease).status();
    }
    record.refused = false;
    const SessionId session = lease->place().session;
    lease->Hold(std::exchange(retry, std::nullopt));
    AttemptEnd end = co_await AttemptUnary(call, admitted, *std::move(lease), record);
    if (end.status.ok() || call.cancelled()) co_return end.status;
    waiter.refusable = false;
    const AfterFailure next =
        Decide({.error = end.status, .begun = end.relayed, .attempts = record.attempts},
               options_.streams.retries);
    const bool full = next == AfterFailure::kWorkerFull;
    failure = Explain(std::move(end.status), end.relayed, record.worker);
    // What takes no slot cannot be refused for want of one; a worker that does so is not asked
    // again and again.
    if (next == AfterFailure::kPassOn || (full && waiter.slots == 0)) co_return failure;
    if (!full && !(retry = attempts_.TryRetry()).has_value()) co_return failure;
    attempts_.metrics()
        .retries.With({record.model, record.tenant, full ? "full" : "unreachable"})
        .Increment();
    if (full) {
      --record.attempts;
    } else {
      waiter.avoid.push_back(session);
    }
  }
}

rpc::Task<AttemptEnd> RequestRunner::AttemptUnary(rpc::ServerCall& call, const Admitted& admitted,
                                                  Lease lease, RequestRecord& record) const {
  attempts_.Count(lease.place(), record);
  const rpc::Channel& channel = lease.place().channel->For(call.loop());
  UpstreamUnary upstream(call.loop(), channel, std::string(call.method()), admitted.request,
                         attempts_.UpstreamOptions(call, record));
  co_return co_await RelayUnary(call, std::move(upstream), std::move(lease));
}

rpc::Task<absl::Status> RequestRunner::ServeStream(rpc::ServerCall& call, Admitted admitted,
                                                   std::optional<AnswerVisit::Question> question,
                                                   RequestRecord& record) const {
  auto stream = std::make_shared<BegunStream>(options_.max_log_bytes);
  stream->request_id = record.request_id;
  stream->tenant = record.tenant;
  stream->request = admitted.request;
  stream->ticket = static_cast<const Ticket&>(*admitted.waiter);
  stream->arrived = record.arrived;
  stream->log.BeginAfter(admitted.resume);
  std::optional<StreamStore::Reading> reading;
  if (record.method.kind == rpc::MethodKind::kServerStream) {
    reading.emplace(store_.Open(call, stream));
  }
  std::optional<AnswerVisit> visit;
  if (question.has_value()) {
    visit.emplace(cache_, call, *stream, record, *std::move(question));
    if (std::optional<absl::Status> served = co_await visit->Take()) co_return *std::move(served);
  }
  StreamSession session(options_.streams, attempts_, call, *stream, record,
                        visit.has_value() ? &*visit : nullptr);
  session.OnNoWorker([&](const absl::Status& failure) {
    if (!FallBack(failure, admitted, record)) return false;
    if (visit.has_value()) visit->Abandon();
    stream->request = admitted.request;
    stream->ticket.model = record.model;
    return true;
  });
  absl::Status status = co_await session.Run();
  if (visit.has_value()) visit->Conclude(status);
  co_return status;
}

rpc::Task<absl::Status> RequestRunner::GoOn(rpc::ServerCall& call, BegunStream& stream,
                                            RequestRecord& record) const {
  StreamSession session(options_.streams, attempts_, call, stream, record);
  co_return co_await session.Run();
}

}  // namespace chasqui::router
