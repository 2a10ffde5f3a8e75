// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/router/load/load_driver.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "common/rpc/message.h"
#include "tools/mock-worker/text.h"

namespace chasqui::bench {
namespace {

constexpr char kGenerate[] = "/chasqui.inference.v1.InferenceService/Generate";
constexpr char kStreamGenerate[] = "/chasqui.inference.v1.InferenceService/StreamGenerate";
constexpr std::chrono::milliseconds kPoll(10);
constexpr std::chrono::milliseconds kSettle(500);  // before memory is read
constexpr std::chrono::seconds kOpenTimeout(20);
constexpr size_t kPromptBytes = 150;
constexpr char kEndless[] = "tokens=1000000000000";

// A prompt of the size of a short question that tells the mock worker what to do.
grpc::ByteBuffer MakeRequest(const LoadOptions& options) {
  std::string directive;
  switch (options.kind) {
    case LoadKind::kUnary:
      directive = "tokens=1 message_bytes=128";
      break;
    case LoadKind::kIdle:
      directive = "hang_after=0";
      break;
    case LoadKind::kStream:
      directive = options.interval.count() == 0
                      ? absl::StrCat(kEndless, " message_bytes=24")
                      : absl::StrCat(kEndless, " stamp=1 message_bytes=24 interval_ms=",
                                     static_cast<double>(options.interval.count()) / 1000);
  }
  inference::v1::GenerateRequest request;
  request.set_model("mock");
  request.set_prompt(absl::StrCat("mock: ", directive, "\n"));
  request.mutable_prompt()->resize(kPromptBytes, '.');
  return rpc::Serialize(request);
}

double Seconds(time::Duration duration) { return std::chrono::duration<double>(duration).count(); }
double Microseconds(time::Duration duration) { return Seconds(duration) * 1e6; }

}  // namespace

LoadDriver::LoadDriver(LoadOptions options)
    : options_(std::move(options)),
      request_(MakeRequest(options_)),
      calls_(static_cast<size_t>(options_.users), nullptr) {}

absl::Status LoadDriver::Connect() {
  for (const std::string& target : options_.targets) {
    // Where a thousand streams have just ended, a connection may take its time.
    ABSL_ASSIGN_OR_RETURN(rpc::Channel channel,
                          rpc::Channel::Create(target, {.min_reconnect_backoff = kOpenTimeout,
                                                        .max_reconnect_backoff = kOpenTimeout}));
    channels_.push_back(std::move(channel));
  }
  return channels_.empty() ? absl::InvalidArgumentError("no target") : absl::OkStatus();
}

absl::StatusOr<nlohmann::json> LoadDriver::Run() {
  ABSL_RETURN_IF_ERROR(Connect());
  absl::Notification done;
  loop_.Spawn([](LoadDriver& self, absl::Notification& notify) -> concurrency::Task<void> {
    co_await self.Conduct();
    notify.Notify();
  }(*this, done));
  done.WaitForNotification();
  loop_.Stop();
  if (!error_.ok()) return error_;
  return options_.kind == LoadKind::kIdle ? IdleReport() : Report();
}

concurrency::Task<void> LoadDriver::Conduct() {
  if (options_.kind == LoadKind::kIdle) {
    co_await MeasureIdle();
  } else {
    for (int user = 0; user < options_.users; ++user) {
      loop_.Start(options_.kind == LoadKind::kUnary ? UnaryUser(user) : StreamUser(user));
    }
    co_await MeasureWindow();
  }
  stopping_ = true;
  for (rpc::ClientCall* call : calls_) {
    if (call != nullptr) call->Cancel();
  }
  while (users_done_ < options_.users) co_await loop_.SleepFor(kPoll);
}

concurrency::Task<void> LoadDriver::MeasureWindow() {
  co_await UntilAllHaveBegun();
  co_await loop_.SleepFor(options_.warm_up);
  const auto usage = [this] {
    const absl::StatusOr<load::ProcessUsage> read = load::ReadUsage(options_.pids);
    if (!read.ok()) Fail(read.status());
    return read.value_or(load::ProcessUsage{});
  };
  before_ = usage();
  const time::SteadyTime begin = time::SteadyNow();
  measuring_ = true;
  co_await loop_.SleepFor(options_.window);
  measuring_ = false;
  measured_ = time::SteadyNow() - begin;
  after_ = usage();
}

concurrency::Task<void> LoadDriver::UntilAllHaveBegun() {
  const time::SteadyTime give_up = time::SteadyNow() + kOpenTimeout;
  while (error_.ok() && users_begun_ < options_.users) {
    if (time::SteadyNow() > give_up) {
      Fail(absl::DeadlineExceededError(
          absl::StrCat("only ", users_begun_, " of ", options_.users, " have had an answer")));
    }
    co_await loop_.SleepFor(kPoll);
  }
}

concurrency::Task<void> LoadDriver::MeasureIdle() {
  co_await loop_.SleepFor(options_.warm_up);
  absl::StatusOr<load::ProcessUsage> usage = load::ReadUsage(options_.pids);
  if (!usage.ok()) Fail(usage.status());
  before_ = usage.value_or(load::ProcessUsage{});
  for (int user = 0; user < options_.users; ++user) loop_.Start(IdleUser(user));
  co_await UntilAllHaveBegun();
  co_await loop_.SleepFor(kSettle);
  usage = load::ReadUsage(options_.pids);
  if (!usage.ok()) Fail(usage.status());
  after_ = usage.value_or(load::ProcessUsage{});
}

concurrency::Task<void> LoadDriver::UnaryUser(int user) {
  const rpc::Channel& channel = channels_[static_cast<size_t>(user) % channels_.size()];
  bool begun = false;
  while (!stopping_ && error_.ok()) {
    const time::SteadyTime begin = time::SteadyNow();
    const absl::StatusOr<grpc::ByteBuffer> response =
        co_await rpc::UnaryCall(loop_, channel, kGenerate, request_).Finish();
    if (!response.ok()) Fail(response.status());
    if (!std::exchange(begun, true)) ++users_begun_;
    if (!measuring_) continue;
    ++operations_;
    latencies_.Add(time::SteadyNow() - begin);
  }
  ++users_done_;
}

concurrency::Task<void> LoadDriver::StreamUser(int user) {
  // The streams of real users do not tick together.
  co_await loop_.SleepFor(options_.interval * user / options_.users);
  {
    rpc::ClientCall call(loop_, channels_[static_cast<size_t>(user) % channels_.size()],
                         kStreamGenerate);
    calls_[static_cast<size_t>(user)] = &call;
    call.WriteLast(request_);
    bool begun = false;
    while (const std::optional<grpc::ByteBuffer> message = co_await call.Read()) {
      if (!std::exchange(begun, true)) ++users_begun_;
      if (measuring_) OnMessage(*message);
      if (stopping_) call.Cancel();
    }
    const absl::Status status = co_await call.Finish();
    calls_[static_cast<size_t>(user)] = nullptr;
    if (!stopping_) Fail(status.ok() ? absl::InternalError("a stream has ended") : status);
  }
  ++users_done_;
}

concurrency::Task<void> LoadDriver::IdleUser(int user) {
  {
    rpc::ClientCall call(loop_, channels_[static_cast<size_t>(user) % channels_.size()],
                         kStreamGenerate);
    calls_[static_cast<size_t>(user)] = &call;
    call.WriteLast(request_);
    if ((co_await call.Read()).has_value()) ++users_begun_;
    const absl::Status status = co_await call.Finish();
    calls_[static_cast<size_t>(user)] = nullptr;
    if (!stopping_) Fail(status.ok() ? absl::InternalError("a stream has ended") : status);
  }
  ++users_done_;
}

void LoadDriver::OnMessage(const grpc::ByteBuffer& bytes) {
  ++operations_;
  if (options_.interval.count() == 0) return;
  inference::v1::StreamGenerateResponse event;
  if (!rpc::Parse(bytes, event)) return Fail(absl::InternalError("an event does not parse"));
  const auto sent = mock_worker::ReadStamp(event.chunk().text());
  if (sent.has_value()) latencies_.Add(time::SteadyNow() - *sent);
}

void LoadDriver::Fail(const absl::Status& error) {
  if (error_.ok()) error_ = error;
}

nlohmann::json LoadDriver::Report() const {
  nlohmann::json report;
  const char* rate =
      options_.kind == LoadKind::kUnary ? "requests_per_second" : "messages_per_second";
  report[rate] = static_cast<double>(operations_) / Seconds(measured_);
  if (latencies_.size() > 0) {
    report["latency_p50_us"] = Microseconds(*latencies_.Percentile(50));
    report["latency_p99_us"] = Microseconds(*latencies_.Percentile(99));
  }
  if (!options_.pids.empty() && operations_ > 0) {
    report["cpu_us_per_op"] =
        Microseconds(after_.cpu - before_.cpu) / static_cast<double>(operations_);
    report["cpu_cores"] = Seconds(after_.cpu - before_.cpu) / Seconds(measured_);
    report["total_memory_bytes"] = after_.resident_bytes;
  }
  return report;
}

nlohmann::json LoadDriver::IdleReport() const {
  nlohmann::json report = nlohmann::json::object();
  if (options_.pids.empty()) return report;
  report["memory_bytes"] =
      static_cast<int64_t>(after_.resident_bytes) - static_cast<int64_t>(before_.resident_bytes);
  report["total_memory_bytes"] = after_.resident_bytes;
  return report;
}

}  // namespace chasqui::bench
