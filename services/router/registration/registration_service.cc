// SPDX-License-Identifier: Apache-2.0
#include "services/router/registration/registration_service.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "services/router/fleet/hello.h"
#include "services/router/relay/worker_channel.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using fleet::v1::JoinRequest;
using fleet::v1::JoinResponse;

constexpr char kJoin[] = "/chasqui.fleet.v1.RegistrationService/Join";
// A stream that says nothing holds a call all the same.
constexpr time::Duration kHelloTimeout = 10s;

// Sends the commands, one after the other, until the stream is closed.
rpc::Task<void> SendCommands(rpc::ServerWriter<JoinResponse>& writer, JoinStream& stream,
                             rpc::OneShot<bool>& done) {
  while (std::optional<fleet::v1::Command> command = co_await stream.commands().Pop()) {
    JoinResponse response;
    *response.mutable_command() = *std::move(command);
    if (!co_await writer.Write(response)) break;
  }
  done.Set(true);
}

}  // namespace

RegistrationService::RegistrationService(Options options, SharedFleet& fleet, JoinStreams& streams,
                                         observability::Logger log)
    : options_(std::move(options)), fleet_(fleet), streams_(streams), log_(std::move(log)) {}

void RegistrationService::Register(rpc::Server& server) {
  // Members stay while the router drains: its last requests are still to be placed.
  rpc::RegisterBidiStream<JoinRequest, JoinResponse>(
      server, kJoin,
      [this](rpc::ServerCall& call, Reader& reader, Writer& writer) {
        return Join(call, reader, writer);
      },
      {.background = true});
}

rpc::Task<void> RegistrationService::DropSilent(rpc::Loop& loop) {
  const time::Duration pause = std::max<time::Duration>(options_.report_interval / 4, 20ms);
  for (;;) {
    co_await loop.SleepFor(pause);
    for (const SessionId session : fleet_.Expire()) {
      if (const auto stream = streams_.Find(session)) {
        stream->End(status::Unavailable("SILENT", "no word for three report intervals", 0ms));
      }
    }
  }
}

rpc::Task<absl::Status> RegistrationService::Join(rpc::ServerCall& call, Reader& reader,
                                                  Writer& writer) const {
  const absl::StatusOr<fleet::v1::WorkerHello> hello = co_await ReadHello(call, reader);
  if (!hello.ok()) co_return hello.status();
  const absl::StatusOr<SessionId> session = Enter(*hello);
  if (!session.ok()) {
    log_.Warn("worker refused", {{"worker", hello->worker_id()},
                                 {"address", hello->address()},
                                 {"error", session.status()}});
    co_return session.status();
  }
  const auto stream = std::make_shared<JoinStream>(call);
  streams_.Add(*session, stream);
  log_.Info("worker joined", {{"worker", hello->worker_id()},
                              {"address", hello->address()},
                              {"incarnation", hello->incarnation()},
                              {"models", hello->models().models_size()}});

  JoinResponse response;
  response.mutable_welcome()->set_router_id(options_.router_id);
  *response.mutable_welcome()->mutable_report_interval() =
      service::ToProto(options_.report_interval);
  absl::Status ended = absl::CancelledError("the worker is gone");
  if (co_await writer.Write(response)) {
    rpc::OneShot<bool> all_sent;
    call.loop().Start(SendCommands(writer, *stream, all_sent));
    ended = co_await Listen(reader, *session, *stream);
    stream->Close();
    co_await all_sent;
  }
  stream->Close();
  streams_.Remove(*session);
  fleet_.Leave(*session);
  log_.Info("worker left", {{"worker", hello->worker_id()}, {"reason", ended}});
  co_return ended;
}

rpc::Task<absl::StatusOr<fleet::v1::WorkerHello>> RegistrationService::ReadHello(
    rpc::ServerCall& call, Reader& reader) const {
  const auto timeout = call.loop().After(kHelloTimeout, [&call] {
    call.Abort(absl::DeadlineExceededError("no hello in ten seconds"));
  });
  absl::StatusOr<JoinRequest> first = co_await reader.Read();
  if (!first.ok()) co_return absl::FailedPreconditionError("the first message must be a hello");
  if (!first->has_hello()) {
    co_return status::Error(absl::StatusCode::kFailedPrecondition, "NOT_A_HELLO",
                            "the first message must be a hello");
  }
  co_return std::move(*first->mutable_hello());
}

absl::StatusOr<SessionId> RegistrationService::Enter(const fleet::v1::WorkerHello& hello) const {
  // Before anything is opened to an address that may be nonsense.
  ABSL_RETURN_IF_ERROR(ValidateHello(hello));
  ABSL_ASSIGN_OR_RETURN(
      std::shared_ptr<WorkerChannel> channel,
      WorkerChannel::Open(hello.address(), options_.worker_channels, options_.loops));
  ABSL_ASSIGN_OR_RETURN(const Registry::Joined joined, fleet_.Join(hello, std::move(channel)));
  if (const auto former = streams_.Find(joined.replaced)) {
    former->End(status::Error(absl::StatusCode::kAborted, "REPLACED",
                              "the worker has joined again on another stream"));
  }
  WarnOfConflicts();
  return joined.session;
}

rpc::Task<absl::Status> RegistrationService::Listen(Reader& reader, SessionId session,
                                                    JoinStream& stream) const {
  for (;;) {
    const absl::StatusOr<JoinRequest> message = co_await reader.Read();
    if (absl::IsOutOfRange(message.status())) co_return absl::OkStatus();
    if (!message.ok()) co_return message.status();
    if (absl::Status taken = Take(*message, session, stream); !taken.ok()) co_return taken;
  }
}

absl::Status RegistrationService::Take(const JoinRequest& message, SessionId session,
                                       JoinStream& stream) const {
  switch (message.message_case()) {
    case JoinRequest::kLoad:
      return fleet_.Report(session, message.load());
    case JoinRequest::kModels:
      ABSL_RETURN_IF_ERROR(fleet_.SetModels(session, message.models()));
      WarnOfConflicts();
      return absl::OkStatus();
    case JoinRequest::kCommandResult:
      if (!stream.Answer(message.command_result())) {
        log_.Debug("result of an unknown command",
                   {{"command", message.command_result().command_id()}});
      }
      return absl::OkStatus();
    case JoinRequest::kHello:
      return status::Error(absl::StatusCode::kFailedPrecondition, "SECOND_HELLO",
                           "hello is the first message only");
    case JoinRequest::MESSAGE_NOT_SET:
      // From a newer worker: what this router does not know it need not act on.
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

void RegistrationService::WarnOfConflicts() const {
  const auto conflicts = fleet_.Look([](const Dispatcher& dispatcher, time::SteadyTime) {
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& [name, entry] : dispatcher.catalogue().entries()) {
      if (entry.other_seats.empty()) continue;
      found.emplace_back(
          name, absl::StrJoin(entry.other_seats, ", ", [](std::string* out, const Seat* seat) {
            out->append(seat->member.worker_id);
          }));
    }
    return found;
  });
  for (const auto& [model, workers] : conflicts) {
    log_.Warn("workers hold other weights under the name of a model and get no requests for it",
              {{"model", model}, {"workers", workers}});
  }
}

}  // namespace chasqui::router
