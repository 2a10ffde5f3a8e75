// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/resume_runner.h"

#include <optional>
#include <utility>

#include <grpcpp/support/byte_buffer.h>

#include "absl/strings/str_cat.h"
#include "common/inference/validate.h"
#include "common/rpc/message.h"
#include "common/status/status.h"
#include "common/time/clock.h"
#include "services/router/request/inference_method.h"

namespace chasqui::router {
namespace {

using inference::v1::ResumeStreamRequest;

// The number of the first event that is wanted; an error when it is not to be had.
absl::StatusOr<std::uint64_t> FirstWanted(const ResumeStreamRequest& request,
                                          const StreamLog& log) {
  const std::uint64_t first =
      request.has_after_sequence() ? request.after_sequence() + 1 : log.first_sequence();
  if (first > log.next_sequence() || (request.has_after_sequence() && first == 0)) {
    return status::InvalidArgument(
        "after_sequence", absl::StrCat("no event ", request.after_sequence(),
                                       " was sent, the next one is ", log.next_sequence()));
  }
  if (first < log.oldest_sequence()) {
    return status::Error(
        absl::StatusCode::kOutOfRange, "EVENTS_GONE",
        absl::StrCat("events before ", log.oldest_sequence(),
                     " are no longer kept: send the request again, with `resume` set to the "
                     "tokens seen"));
  }
  return first;
}

}  // namespace

rpc::Task<absl::Status> ResumeRunner::Run(rpc::ServerCall& call) const {
  RequestRecord record(ResumeMethod(), time::SteadyNow());
  co_return co_await requests_.Record(call, record, Serve(call, record));
}

rpc::Task<absl::Status> ResumeRunner::Serve(rpc::ServerCall& call, RequestRecord& record) const {
  if (absl::Status known = requests_.entry().Identify(call, record); !known.ok()) co_return known;
  const std::optional<grpc::ByteBuffer> bytes = co_await call.Read();
  ResumeStreamRequest request;
  if (!bytes.has_value() || !rpc::Parse(*bytes, request)) {
    co_return status::InvalidArgument("", "the bytes are not a ResumeStreamRequest");
  }
  if (!inference::IsRequestId(request.request_id())) {
    co_return status::InvalidArgument("request_id",
                                      "must be 1 to 128 characters of [A-Za-z0-9._:-]");
  }
  record.request_id = request.request_id();
  absl::Status not_found;
  {
    const absl::StatusOr<StreamStore::Reading> reading =
        co_await store_.Claim(call, record.tenant, request.request_id());
    if (reading.ok()) {
      metrics_.resumed.With({"kept"}).Increment();
      co_return co_await ServeKept(call, reading->stream(), request, record);
    }
    not_found = reading.status();
  }
  if (!absl::IsNotFound(not_found) || PeerRouters::IsFromPeer(call)) co_return not_found;
  std::optional<absl::Status> told = co_await peers_.Ask(call, *bytes);
  if (told.has_value()) {
    metrics_.resumed.With({"peer"}).Increment();
    record.refused = false;
    co_return *std::move(told);
  }
  if (!request.has_request()) co_return not_found;
  metrics_.resumed.With({"given"}).Increment();
  request.mutable_request()->set_request_id(request.request_id());
  co_return co_await requests_.Serve(call, rpc::Serialize(request.request()), record);
}

rpc::Task<absl::Status> ResumeRunner::ServeKept(rpc::ServerCall& call, BegunStream& stream,
                                                const ResumeStreamRequest& request,
                                                RequestRecord& record) const {
  const StreamLog& log = stream.log;
  const absl::StatusOr<std::uint64_t> first = FirstWanted(request, log);
  if (!first.ok()) co_return first.status();
  record.model = stream.ticket.model;
  record.goes_on = true;
  record.tokens = {.answer = 1};  // settled by what comes
  if (EntryControl::HasQuotas(record)) {
    if (absl::Status charged = co_await requests_.entry().Charge(call, record); !charged.ok()) {
      co_return charged;
    }
  }
  record.refused = false;
  // Not even a finished stream's last event is the call's last message, from which usage is read:
  // it was counted when it was sent first.
  for (std::uint64_t sequence = *first; sequence < log.next_sequence(); ++sequence) {
    const bool more_follows = sequence + 1 < log.next_sequence() || stream.finished;
    if (!co_await call.Write(log.At(sequence), more_follows)) {
      co_return absl::CancelledError("the client is gone");
    }
  }
  if (stream.finished) co_return absl::OkStatus();
  co_return co_await requests_.GoOn(call, stream, record);
}

}  // namespace chasqui::router
