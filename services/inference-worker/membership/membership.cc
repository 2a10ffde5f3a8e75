// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/membership/membership.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/message.h"

namespace chasqui::worker {
namespace {

using concurrency::Task;
using fleet::v1::JoinRequest;
using fleet::v1::JoinResponse;

constexpr std::chrono::milliseconds kShortestReportInterval{20};
constexpr std::chrono::seconds kWelcomeTimeout{10};
constexpr std::chrono::milliseconds kLeastInterval{100};
constexpr std::chrono::seconds kMostInterval{60};
constexpr char kJoin[] = "/chasqui.fleet.v1.RegistrationService/Join";

time::Duration ReportInterval(const fleet::v1::Welcome& welcome) {
  const auto asked = std::chrono::seconds(welcome.report_interval().seconds()) +
                     std::chrono::nanoseconds(welcome.report_interval().nanos());
  return std::clamp<time::Duration>(asked, kLeastInterval, kMostInterval);
}

rpc::CallOptions OptionsWith(const std::string& api_key) {
  rpc::CallOptions options;
  if (!api_key.empty()) options.metadata = {{"authorization", absl::StrCat("Bearer ", api_key)}};
  return options;
}

}  // namespace

// One stream: shared by the coroutines that read it, write it and execute its commands.
struct Membership::Session {
  Session(rpc::Loop& loop, const rpc::Channel& router, const rpc::CallOptions& options)
      : call(loop, router, kJoin, options) {}

  // Something is to be sent.
  void Poke() { wake.Set(Wake::kSomething); }

  rpc::ClientCall call;
  rpc::OneShot<Wake> wake;
  std::deque<JoinRequest> outbox;  // results of commands; bounded by the commands under way
  // Told once more after the welcome: what has changed since the hello would be lost.
  bool models_changed = true;
  bool ended = false;
  std::string router_id;
  time::Duration interval{};
  uint64_t reports = 0;
};

Membership::Membership(rpc::Loop& loop, rpc::Channel router, std::string api_key,
                       WorkerFacts& facts)
    : loop_(loop), router_(std::move(router)), call_options_(OptionsWith(api_key)), facts_(facts) {}

void Membership::LoadChanged() {
  if (session_) session_->Poke();
}

void Membership::ModelsChanged() {
  if (!session_) return;
  session_->models_changed = true;
  session_->Poke();
}

void Membership::Leave() {
  leave_.Set(true);
  if (session_) session_->Poke();
}

worker::v1::RouterMembership Membership::status() const {
  worker::v1::RouterMembership status;
  status.set_address(router_.target());
  status.set_joined(session_ != nullptr);
  if (session_) status.set_router_id(session_->router_id);
  if (!session_) status.set_error(error_);
  return status;
}

Task<void> Membership::Run() {
  while (!leave_.is_set()) {
    const absl::Status ended = co_await JoinOnce();
    error_ = ended.ok() ? "the router closed the stream" : ended.ToString();
    if (leave_.is_set()) co_return;
    std::uniform_real_distribution<double> uniform(0, 1);
    rpc::OneShot<bool> waited;
    const auto timer =
        loop_.After(backoff_.NextDelay(uniform(random_)), [&waited] { waited.Set(true); });
    // Leaving while out of touch takes until the wait is over, at most the longest backoff; nobody
    // waits for it, and the loop's end ends it.
    co_await waited;
  }
}

Task<absl::Status> Membership::JoinOnce() {
  auto session = std::make_shared<Session>(loop_, router_, call_options_);
  absl::StatusOr<fleet::v1::Welcome> welcome = co_await Greet(session->call);
  if (!welcome.ok()) co_return welcome.status();
  backoff_.Reset();
  session->router_id = welcome->router_id();
  session->interval = ReportInterval(*welcome);
  session_ = session;
  loop_.Spawn(Report(session));

  while (const auto bytes = co_await session->call.Read()) {
    JoinResponse response;
    if (!rpc::Parse(*bytes, response) || !response.has_command()) continue;
    loop_.Spawn(Answer(session, std::move(*response.mutable_command())));
  }
  session_ = nullptr;
  session->ended = true;
  session->Poke();
  co_return co_await session->call.Finish();
}

Task<absl::StatusOr<fleet::v1::Welcome>> Membership::Greet(rpc::ClientCall& call) {
  const auto timeout = loop_.After(kWelcomeTimeout, [&call] { call.Cancel(); });
  JoinRequest request;
  *request.mutable_hello() = facts_.Hello();
  *request.mutable_hello()->mutable_load() = facts_.Load("");
  co_await call.Write(rpc::Serialize(request));
  const auto bytes = co_await call.Read();
  if (!bytes.has_value()) co_return co_await call.Finish();
  JoinResponse response;
  if (!rpc::Parse(*bytes, response) || !response.has_welcome()) {
    call.Cancel();
    co_return absl::FailedPreconditionError("the router's first message was no welcome");
  }
  co_return std::move(*response.mutable_welcome());
}

// Sends what there is to send until the stream ends or the worker leaves.
Task<void> Membership::Report(std::shared_ptr<Session> session) {
  bool alive = true;
  while (alive && !session->ended && !leave_.is_set()) {
    session->wake.Reset();
    if (std::exchange(session->models_changed, false)) {
      JoinRequest models;
      *models.mutable_models() = facts_.Models();
      alive = co_await Send(*session, std::move(models));
    }
    while (alive && !session->outbox.empty()) {
      JoinRequest result = std::move(session->outbox.front());
      session->outbox.pop_front();
      alive = co_await Send(*session, std::move(result));
    }
    JoinRequest load;
    *load.mutable_load() = facts_.Load(session->router_id);
    load.mutable_load()->set_report_number(++session->reports);
    alive = alive && co_await Send(*session, std::move(load));

    co_await loop_.SleepFor(kShortestReportInterval);
    const auto interval =
        loop_.After(session->interval, [&session] { session->wake.Set(Wake::kInterval); });
    if (!session->ended && !leave_.is_set()) co_await session->wake;
  }
  if (alive && !session->ended) session->call.WritesDone();
}

Task<bool> Membership::Send(Session& session, JoinRequest message) {
  if (session.ended) co_return false;
  co_return co_await session.call.Write(rpc::Serialize(message));
}

Task<void> Membership::Answer(std::shared_ptr<Session> session, fleet::v1::Command command) {
  const uint64_t id = command.command_id();
  const absl::Status done = co_await facts_.Execute(std::move(command));
  JoinRequest result;
  result.mutable_command_result()->set_command_id(id);
  result.mutable_command_result()->set_code(static_cast<int>(done.code()));
  result.mutable_command_result()->set_message(std::string(done.message()));
  session->outbox.push_back(std::move(result));
  session->Poke();
}

}  // namespace chasqui::worker
