// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/mock_worker.h"

#include <chrono>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/rpc/channel.h"
#include "common/version/version.h"

namespace chasqui::mock_worker {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout(2000);
constexpr absl::Duration kLeaveTimeout = absl::Seconds(1);

rpc::ServerOptions ServerOptionsOf(const MockWorkerOptions& options) {
  return {.name = options.id,
          .listen = options.listen,
          .calls_requested_ahead = options.calls_requested_ahead};
}

}  // namespace

MockWorker::MockWorker(MockWorkerOptions options)
    : options_(std::move(options)),
      load_(options_.model, options_.slots),
      service_(options_.id, options_.model, options_.slots, options_.behaviour, load_),
      worker_service_([this] { return Hello(); }, load_),
      server_(ServerOptionsOf(options_)) {
  service_.Register(server_);
  worker_service_.Register(server_);
}

MockWorker::~MockWorker() { Stop({}); }

absl::Status MockWorker::Start() {
  ABSL_RETURN_IF_ERROR(server_.Start());
  server_.health().SetServing(options_.model, true);
  for (const std::string& router : options_.routers) {
    ABSL_ASSIGN_OR_RETURN(rpc::Channel channel,
                          rpc::Channel::Create(router, {.min_reconnect_backoff = kConnectTimeout}));
    memberships_.push_back(
        std::make_unique<Membership>(server_.loop(), std::move(channel), Hello(), load_));
  }
  server_.loop().Post([this] {
    for (const auto& membership : memberships_) {
      load_.AddListener([&membership = *membership] { membership.OnLoadChanged(); });
      server_.loop().Start(membership->Run());
    }
  });
  return absl::OkStatus();
}

fleet::v1::WorkerHello MockWorker::Hello() const {
  fleet::v1::WorkerHello hello;
  hello.set_worker_id(options_.id);
  hello.set_incarnation(options_.incarnation);
  hello.set_address(address());
  hello.set_version(std::string(version::Version()));
  *hello.mutable_models()->add_models() = service_.model();
  fleet::v1::Device& device = *hello.add_devices();
  device.set_name("MOCK");
  device.set_description("nothing");
  return hello;
}

void MockWorker::LeaveRouters() {
  // Shared with the loop, which may come to it after the timeout.
  auto left = std::make_shared<absl::Notification>();
  const bool posted = server_.loop().Post([this, left] {
    auto waiting = std::make_shared<size_t>(memberships_.size());
    if (*waiting == 0) left->Notify();
    for (const auto& membership : memberships_) {
      membership->Leave([left, waiting] {
        if (--*waiting == 0) left->Notify();
      });
    }
  });
  if (posted) left->WaitForNotificationWithTimeout(kLeaveTimeout);
}

void MockWorker::Stop(time::Duration grace) {
  if (std::exchange(stopped_, true)) return;
  LeaveRouters();
  server_.Drain(grace);
}

}  // namespace chasqui::mock_worker
