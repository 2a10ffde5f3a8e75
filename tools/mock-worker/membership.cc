// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/membership.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/rpc/message.h"

namespace chasqui::mock_worker {
namespace {

constexpr char kJoin[] = "/chasqui.fleet.v1.RegistrationService/Join";
constexpr std::chrono::milliseconds kChangeDelay(20);  // the protocol's: changes within it are one
constexpr std::chrono::milliseconds kFirstBackoff(100);
constexpr std::chrono::milliseconds kLongestBackoff(500);
constexpr std::chrono::milliseconds kShortestInterval(50);
constexpr size_t kOutboxCapacity = 64;

std::optional<fleet::v1::JoinResponse> ParseResponse(const std::optional<grpc::ByteBuffer>& bytes) {
  std::optional<fleet::v1::JoinResponse> response(std::in_place);
  if (!bytes.has_value() || !rpc::Parse(*bytes, *response)) return std::nullopt;
  return response;
}

time::Duration ReportInterval(const fleet::v1::Welcome& welcome) {
  const auto interval = std::chrono::seconds(welcome.report_interval().seconds()) +
                        std::chrono::nanoseconds(welcome.report_interval().nanos());
  return std::max<time::Duration>(interval, kShortestInterval);
}

}  // namespace

concurrency::Task<void> Membership::Run() {
  running_ = true;
  auto backoff = kFirstBackoff;
  while (!leaving_) {
    const bool joined = co_await Session();
    if (leaving_) break;
    backoff = joined ? kFirstBackoff : std::min(backoff * 2, kLongestBackoff);
    co_await loop_.SleepFor(backoff);
  }
  running_ = false;
  if (left_) left_();
}

void Membership::Leave(std::function<void()> done) {
  leaving_ = true;
  left_ = std::move(done);
  if (stream_ != nullptr) stream_->outbox.Close();
  if (!running_) left_();
}

concurrency::Task<bool> Membership::Session() {
  rpc::ClientCall call(loop_, channel_, kJoin);
  fleet::v1::JoinRequest first;
  *first.mutable_hello() = hello_;
  *first.mutable_hello()->mutable_load() = load_.Report("");
  if (!co_await call.Write(rpc::Serialize(first))) co_return false;
  const std::optional<fleet::v1::JoinResponse> answer = ParseResponse(co_await call.Read());
  if (!answer.has_value() || !answer->has_welcome()) co_return false;

  Stream stream{.outbox = rpc::AsyncQueue<fleet::v1::JoinRequest>(kOutboxCapacity),
                .router_id = answer->welcome().router_id(),
                .report_interval = ReportInterval(answer->welcome())};
  co_await Talk(call, stream);
  co_await call.Finish();
  co_return true;
}

concurrency::Task<void> Membership::Talk(rpc::ClientCall& call, Stream& stream) {
  stream_ = &stream;
  if (leaving_) stream.outbox.Close();
  rpc::OneShot<bool> over;
  loop_.Start(ObeyCommands(call, over));
  SendReport();
  while (const auto message = co_await stream.outbox.Pop()) {
    if (!co_await call.Write(rpc::Serialize(*message))) break;
  }
  stream_ = nullptr;
  if (leaving_) {
    call.WritesDone();
  } else {
    call.Cancel();
  }
  co_await over;
}

concurrency::Task<void> Membership::ObeyCommands(rpc::ClientCall& call, rpc::OneShot<bool>& over) {
  while (const auto response = ParseResponse(co_await call.Read())) {
    if (response->has_command()) Obey(response->command());
  }
  if (stream_ != nullptr) stream_->outbox.Close();
  over.Set(true);
}

void Membership::Obey(const fleet::v1::Command& command) {
  fleet::v1::JoinRequest answer;
  fleet::v1::CommandResult& result = *answer.mutable_command_result();
  result.set_command_id(command.command_id());
  switch (command.command_case()) {
    case fleet::v1::Command::kDrain:
      load_.SetDraining(true);
      break;
    case fleet::v1::Command::kResume:
      load_.SetDraining(false);
      break;
    default:
      result.set_code(static_cast<int32_t>(absl::StatusCode::kUnimplemented));
      result.set_message("a mock worker has one model, and keeps it");
  }
  // When the outbox is full the router does not read; then it does not wait for results either.
  if (stream_ != nullptr) static_cast<void>(stream_->outbox.TryPush(std::move(answer)));
}

void Membership::OnLoadChanged() {
  if (stream_ == nullptr || stream_->change_timer.pending()) return;
  stream_->change_timer = loop_.After(kChangeDelay, [this] { SendReport(); });
}

void Membership::SendReport() {
  if (stream_ == nullptr) return;
  fleet::v1::JoinRequest message;
  *message.mutable_load() = load_.Report(stream_->router_id);
  message.mutable_load()->set_report_number(++stream_->report_number);
  static_cast<void>(stream_->outbox.TryPush(std::move(message)));  // a newer report will follow
  // Half of the interval, so that a busy moment does not look like silence.
  stream_->interval_timer = loop_.After(stream_->report_interval / 2, [this] { SendReport(); });
}

}  // namespace chasqui::mock_worker
