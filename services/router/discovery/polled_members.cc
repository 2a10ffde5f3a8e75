// SPDX-License-Identifier: Apache-2.0
#include "services/router/discovery/polled_members.h"

#include <cstdint>
#include <utility>

#include "absl/status/status_macros.h"
#include "common/rpc/client_methods.h"
#include "services/router/discovery/worker_status.h"
#include "services/router/fleet/hello.h"
#include "services/router/relay/worker_channel.h"

namespace chasqui::router {
namespace {

constexpr char kGetStatus[] = "/chasqui.worker.v1.WorkerService/GetStatus";
constexpr char kRouterIdKey[] = "x-chasqui-router-id";

}  // namespace

// The asking of one address.
struct PolledMembers::Poll {
  std::string address;
  std::shared_ptr<WorkerChannel> channel;
  // The membership that came of it; 0: none.
  SessionId session = 0;
  std::string worker_id;
  std::uint64_t incarnation = 0;
  std::string models;  // as they were told last, serialized
  // What was logged last about why there is no membership, so that it is logged once.
  std::string trouble;
  bool stopped = false;
};

PolledMembers::PolledMembers(Options options, SharedFleet& fleet, observability::Logger log)
    : options_(std::move(options)), fleet_(fleet), log_(std::move(log)) {}

void PolledMembers::SetAddresses(rpc::Loop& loop, const std::set<std::string>& addresses) {
  std::erase_if(polls_, [&](const auto& entry) {
    Poll& poll = *entry.second;
    if (addresses.contains(poll.address)) return false;
    poll.stopped = true;
    Leave(poll, "its address is gone");
    return true;
  });
  for (const std::string& address : addresses) {
    if (polls_.contains(address)) continue;
    if (polls_.size() >= options_.max_workers) {
      log_.Warn("more addresses of workers than there may be workers",
                {{"addresses", addresses.size()}, {"max_workers", options_.max_workers}});
      return;
    }
    absl::StatusOr<std::shared_ptr<WorkerChannel>> channel =
        WorkerChannel::Open(address, options_.worker_channels, options_.loops);
    if (!channel.ok()) {
      log_.Warn("worker cannot be asked", {{"address", address}, {"error", channel.status()}});
      continue;
    }
    auto poll = std::make_shared<Poll>();
    poll->address = address;
    poll->channel = *std::move(channel);
    polls_.emplace(address, poll);
    loop.Spawn(Ask(loop, std::move(poll)));
  }
}

rpc::Task<void> PolledMembers::Ask(rpc::Loop& loop, std::shared_ptr<Poll> poll) {
  while (!poll->stopped) {
    const time::SteadyTime next = time::SteadyNow() + options_.interval;
    rpc::CallOptions call;
    call.deadline = next;
    call.metadata = {{kRouterIdKey, options_.router_id}};
    const absl::StatusOr<worker::v1::GetStatusResponse> status =
        co_await rpc::CallUnary<worker::v1::GetStatusResponse>(
            loop, poll->channel->For(loop), kGetStatus, worker::v1::GetStatusRequest(),
            std::move(call));
    if (poll->stopped) co_return;
    if (status.ok()) {
      Take(*poll, *status);
    } else {
      Fail(*poll, status.status());
    }
    co_await loop.SleepUntil(next);
  }
}

void PolledMembers::Take(Poll& poll, const worker::v1::GetStatusResponse& status) {
  if (poll.session != 0 &&
      (status.worker_id() != poll.worker_id || status.incarnation() != poll.incarnation)) {
    Leave(poll, "it has been started anew");
  }
  if (poll.session != 0) {
    const absl::Status updated = Update(poll, status);
    if (updated.ok()) return;
    // It was silent for too long, or has joined by itself.
    if (!absl::IsAborted(updated)) Leave(poll, updated.ToString());
    poll.session = 0;
  }
  if (const absl::Status entered = Enter(poll, status); entered.ok()) {
    poll.trouble.clear();
    log_.Info("worker found", {{"worker", poll.worker_id},
                               {"address", poll.address},
                               {"incarnation", poll.incarnation},
                               {"models", status.models_size()}});
  } else {
    Fail(poll, entered);
  }
}

absl::Status PolledMembers::Enter(Poll& poll, const worker::v1::GetStatusResponse& status) {
  ABSL_ASSIGN_OR_RETURN(poll.session,
                        fleet_.JoinIfAbsent(HelloOf(poll.address, status), poll.channel));
  poll.worker_id = status.worker_id();
  poll.incarnation = status.incarnation();
  poll.models = ModelsOf(status).SerializeAsString();
  return absl::OkStatus();
}

absl::Status PolledMembers::Update(Poll& poll, const worker::v1::GetStatusResponse& status) {
  const fleet::v1::WorkerModels models = ModelsOf(status);
  // What has not changed is not told again: it would have everything decided anew.
  if (std::string told = models.SerializeAsString(); told != poll.models) {
    ABSL_RETURN_IF_ERROR(fleet_.SetModels(poll.session, models));
    poll.models = std::move(told);
  }
  return fleet_.Report(poll.session, status.load());
}

void PolledMembers::Fail(Poll& poll, const absl::Status& error) {
  if (poll.session != 0) fleet_.Suspect(poll.session);
  std::string trouble(absl::StatusCodeToString(error.code()));
  if (trouble == poll.trouble) return;
  poll.trouble = std::move(trouble);
  // That it is a member by itself is as it should be.
  const auto level = absl::IsAlreadyExists(error) ? observability::LogLevel::kDebug
                                                  : observability::LogLevel::kWarn;
  log_.Log(level, "worker was asked in vain", {{"address", poll.address}, {"error", error}});
}

void PolledMembers::Leave(Poll& poll, const std::string& why) {
  if (poll.session == 0) return;
  fleet_.Leave(poll.session);
  poll.session = 0;
  log_.Info("worker left",
            {{"worker", poll.worker_id}, {"address", poll.address}, {"reason", why}});
}

}  // namespace chasqui::router
