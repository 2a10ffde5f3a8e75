// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "chasqui/fleet/v1/registration_service.pb.h"
#include "common/concurrency/task.h"
#include "common/rpc/async_queue.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_call.h"
#include "common/rpc/loop.h"
#include "common/rpc/one_shot.h"
#include "tools/mock-worker/worker_load.h"

namespace chasqui::mock_worker {

// Keeps a worker a member at one router: joins, reports, obeys, and joins again when the stream
// ends. Owned by the worker; outlives the loop's run. Confined to the loop.
class Membership {
 public:
  // `hello` as it is sent, but for the load. All references outlive this.
  Membership(rpc::Loop& loop, rpc::Channel channel, fleet::v1::WorkerHello hello, WorkerLoad& load)
      : loop_(loop), channel_(std::move(channel)), hello_(std::move(hello)), load_(load) {}
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  // Until Leave() has been called and the router has been told.
  concurrency::Task<void> Run();

  // Ends the membership in order; `done` is called when Run() is over, or at once.
  void Leave(std::function<void()> done);

  // The load has changed: it is reported soon.
  void OnLoadChanged();

 private:
  struct Stream;

  concurrency::Task<bool> Session();
  concurrency::Task<void> ObeyCommands(rpc::ClientCall& call, rpc::OneShot<bool>& over);
  void Obey(const fleet::v1::Command& command);
  void SendReport();
  concurrency::Task<void> Talk(rpc::ClientCall& call, Stream& stream);

  rpc::Loop& loop_;
  const rpc::Channel channel_;
  const fleet::v1::WorkerHello hello_;
  WorkerLoad& load_;
  bool running_ = false;
  bool leaving_ = false;
  std::function<void()> left_;

  // What lives as long as one stream to the router. In the frame of Session(), so that its timers
  // are gone before the loop is.
  struct Stream {
    rpc::AsyncQueue<fleet::v1::JoinRequest> outbox;
    std::string router_id;
    time::Duration report_interval;
    uint64_t report_number = 0;
    rpc::Loop::Timer change_timer;
    rpc::Loop::Timer interval_timer;
  };
  Stream* stream_ = nullptr;  // of the session under way, once the router has said welcome
};

}  // namespace chasqui::mock_worker
