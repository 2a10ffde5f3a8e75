// SPDX-License-Identifier: Apache-2.0
#include "services/router/fleet_service.h"

#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "chasqui/worker/v1/worker_service.pb.h"
#include "common/rpc/client_methods.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "services/router/fleet/worker_view.h"
#include "services/router/relay/worker_channel.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using fleet::v1::DrainWorkerRequest;
using fleet::v1::DrainWorkerResponse;
using fleet::v1::ListWorkersRequest;
using fleet::v1::ListWorkersResponse;
using fleet::v1::WatchFleetRequest;
using fleet::v1::WatchFleetResponse;

constexpr time::Duration kDefaultInterval = 1s;
constexpr time::Duration kShortestInterval = 50ms;
constexpr time::Duration kLongestInterval = 60s;
constexpr time::Duration kCommandTimeout = 5s;

std::string Path(std::string_view method) {
  return absl::StrCat("/chasqui.fleet.v1.FleetService/", method);
}

absl::StatusOr<time::Duration> IntervalOf(const WatchFleetRequest& request) {
  if (!request.has_min_interval()) return kDefaultInterval;
  const time::Duration interval = service::ToDuration(request.min_interval());
  if (interval < kShortestInterval || interval > kLongestInterval) {
    return status::InvalidArgument("min_interval", "must be from 50 ms to 60 s");
  }
  return interval;
}

template <typename Workers>
void AddWorkers(const Dispatcher& dispatcher, Workers& out) {
  for (const auto& [id, member] : dispatcher.registry().members()) {
    *out.Add() = DescribeWorker(*member);
  }
}

}  // namespace

FleetService::FleetService(std::string router_id, SharedFleet& fleet, const JoinStreams& streams,
                           const time::Clock& clock)
    : router_id_(std::move(router_id)), fleet_(fleet), streams_(streams), clock_(clock) {}

void FleetService::Register(rpc::Server& server) {
  rpc::RegisterUnary<ListWorkersRequest, ListWorkersResponse>(
      server, Path("ListWorkers"),
      [this](rpc::ServerCall&, ListWorkersRequest)
          -> rpc::Task<absl::StatusOr<ListWorkersResponse>> { co_return List(); });
  rpc::RegisterServerStream<WatchFleetRequest, WatchFleetResponse>(
      server, Path("WatchFleet"),
      [this](rpc::ServerCall& call, WatchFleetRequest request,
             rpc::ServerWriter<WatchFleetResponse>& writer) {
        return Watch(call, std::move(request), writer);
      },
      {.background = true});
  rpc::RegisterUnary<DrainWorkerRequest, DrainWorkerResponse>(
      server, Path("DrainWorker"), [this](rpc::ServerCall& call, DrainWorkerRequest request) {
        return Drain(call, std::move(request));
      });
}

rpc::Task<absl::Status> FleetService::Watch(rpc::ServerCall& call, WatchFleetRequest request,
                                            rpc::ServerWriter<WatchFleetResponse>& writer) const {
  const absl::StatusOr<time::Duration> interval = IntervalOf(request);
  if (!interval.ok()) co_return interval.status();
  std::uint64_t revision = 0;
  while (co_await writer.Write(Snapshot(revision))) {
    // At most one snapshot an interval, so looking once an interval misses nothing.
    bool changed = false;
    while (!changed && !call.cancelled()) {
      rpc::OneShot<bool> wake;
      const auto on_cancel = call.OnCancel([&] { wake.Set(true); });
      const auto timer = call.loop().After(*interval, [&] { wake.Set(true); });
      co_await wake;
      changed = fleet_.Look([&](const Dispatcher& dispatcher, time::SteadyTime) {
        return dispatcher.revision() != revision;
      });
    }
  }
  co_return absl::CancelledError("the watcher is gone");
}

rpc::Task<absl::StatusOr<DrainWorkerResponse>> FleetService::Drain(
    rpc::ServerCall& call, DrainWorkerRequest request) const {
  const absl::StatusOr<SessionId> session =
      fleet_.SetDrain(request.worker_id(), /*drain=*/!request.undo());
  if (!session.ok()) co_return session.status();
  if (const absl::Status told = co_await TellToDrain(call, request, *session); !told.ok()) {
    co_return told;
  }
  co_return fleet_.Look([&](const Dispatcher& dispatcher, time::SteadyTime) {
    DrainWorkerResponse response;
    const auto& members = dispatcher.registry().members();
    if (const auto it = members.find(request.worker_id()); it != members.end()) {
      *response.mutable_worker() = DescribeWorker(*it->second);
    }
    return response;
  });
}

rpc::Task<absl::Status> FleetService::TellToDrain(rpc::ServerCall& call,
                                                  const DrainWorkerRequest& request,
                                                  SessionId session) const {
  if (const std::shared_ptr<JoinStream> stream = streams_.Find(session)) {
    co_return co_await CommandDrain(call, request.undo(), *stream);
  }
  const std::shared_ptr<WorkerChannel> channel =
      fleet_.Look([&](const Dispatcher& dispatcher, time::SteadyTime) {
        const auto& members = dispatcher.registry().members();
        const auto it = members.find(request.worker_id());
        const bool found = it != members.end() && it->second->session == session;
        return found ? it->second->channel : nullptr;
      });
  if (channel == nullptr) {
    co_return status::Unavailable("WORKER_LEFT", "the worker's stream has ended", 1s);
  }
  worker::v1::DrainRequest drain;
  drain.set_undo(request.undo());
  drain.set_no_wait(true);
  rpc::CallOptions options;
  options.deadline = time::SteadyNow() + kCommandTimeout;
  options.parent = &call;
  const auto drained = co_await rpc::CallUnary<worker::v1::DrainResponse>(
      call.loop(), channel->For(call.loop()), "/chasqui.worker.v1.WorkerService/Drain", drain,
      std::move(options));
  co_return drained.status();
}

rpc::Task<absl::Status> FleetService::CommandDrain(rpc::ServerCall& call, bool undo,
                                                   JoinStream& stream) const {
  fleet::v1::Command command;
  if (undo) {
    command.mutable_resume();
  } else {
    command.mutable_drain();
  }
  const auto reply = std::make_shared<CommandReply>(call.loop());
  stream.Command(std::move(command), reply);
  const auto on_cancel =
      call.OnCancel([reply] { reply->result.Set(absl::CancelledError("the client is gone")); });
  const auto timer = call.loop().After(kCommandTimeout, [reply] {
    reply->result.Set(absl::DeadlineExceededError("the worker did not answer in five seconds"));
  });
  co_return co_await reply->result;
}

ListWorkersResponse FleetService::List() const {
  return fleet_.Look([](const Dispatcher& dispatcher, time::SteadyTime) {
    ListWorkersResponse response;
    AddWorkers(dispatcher, *response.mutable_workers());
    return response;
  });
}

WatchFleetResponse FleetService::Snapshot(std::uint64_t& revision) const {
  WatchFleetResponse response =
      fleet_.Look([&](const Dispatcher& dispatcher, time::SteadyTime now) {
        WatchFleetResponse snapshot;
        revision = dispatcher.revision();
        AddWorkers(dispatcher, *snapshot.mutable_workers());
        for (const Dispatcher::QueueView& view : dispatcher.Queues(now)) {
          auto& queue = *snapshot.add_queues();
          queue.set_model(view.model);
          queue.set_queued(static_cast<std::uint32_t>(view.waiting));
          *queue.mutable_oldest_wait() = service::ToProto(view.oldest_wait);
          queue.set_running(view.running);
          queue.set_refused_total(view.refused.all());
          queue.set_queued_tokens(view.waiting_tokens);
          for (std::size_t i = 0; i < kPriorities; ++i) {
            auto& priority = *queue.add_priorities();
            priority.set_priority(static_cast<inference::v1::Priority>(inference::v1::PRIORITY_LOW +
                                                                       static_cast<int>(i)));
            priority.set_queued(static_cast<std::uint32_t>(view.classes[i].requests));
            priority.set_queued_tokens(view.classes[i].tokens);
          }
          queue.set_displaced_total(view.refused.displaced);
          queue.set_deadline_refused_total(view.refused.too_late);
          queue.set_waits_for_worker(view.waiting > 0 && !view.has_worker);
        }
        return snapshot;
      });
  PutTime(clock_.SystemNow(), *response.mutable_snapshot_time());
  response.set_router_id(router_id_);
  return response;
}

}  // namespace chasqui::router
