// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/readiness.h"

#include <chrono>

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>

#include "chasqui/fleet/v1/fleet_service.grpc.pb.h"
#include "common/time/clock.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace chasqui::cli {
namespace {

using chasqui::fleet::v1::FleetService;
using chasqui::fleet::v1::ListWorkersRequest;
using chasqui::fleet::v1::ListWorkersResponse;
using chasqui::fleet::v1::Worker;
using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(time::RealClock().SystemNow() + std::chrono::seconds(1));
}

}  // namespace

Readiness::Readiness(const SuitePlan& plan) : plan_(plan) {
  grpc::ChannelArguments arguments;
  // The process comes up any moment: the default would wait a second after the first refusal.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);  // longest wait for a connection
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  const auto add = [&](const PlannedProcess& process) {
    channels_[process.name] =
        grpc::CreateCustomChannel(process.address, grpc::InsecureChannelCredentials(), arguments);
  };
  add(plan.router);
  for (const PlannedProcess& worker : plan.workers) add(worker);
}

std::map<std::string, std::string> Readiness::Ask() {
  std::map<std::string, std::string> states;
  complete_ = Healthy(plan_.router);
  states[plan_.router.name] = complete_ ? "healthy" : "starting";
  for (const PlannedProcess& worker : plan_.workers) {
    states[worker.name] = Healthy(worker) ? "healthy" : "starting";
  }
  if (complete_) AskRouter(states);
  for (const PlannedProcess& worker : plan_.workers) {
    complete_ = complete_ && states[worker.name] == "joined";
  }
  return states;
}

bool Readiness::Healthy(const PlannedProcess& process) {
  bool& healthy = healthy_[process.name];
  if (healthy) return true;
  grpc::ClientContext context;
  SetDeadline(context);
  HealthCheckResponse response;
  const grpc::Status status =
      Health::NewStub(channels_[process.name])->Check(&context, HealthCheckRequest(), &response);
  healthy = status.ok() && response.status() == HealthCheckResponse::SERVING;
  return healthy;
}

void Readiness::AskRouter(std::map<std::string, std::string>& states) {
  grpc::ClientContext context;
  SetDeadline(context);
  ListWorkersResponse response;
  const grpc::Status status = FleetService::NewStub(channels_[plan_.router.name])
                                  ->ListWorkers(&context, ListWorkersRequest(), &response);
  if (!status.ok()) return;
  for (const Worker& worker : response.workers()) {
    // A worker may be a member before it has a model; only a ready one can be asked.
    if (worker.state() != chasqui::fleet::v1::WORKER_STATE_READY) continue;
    const auto state = states.find(worker.worker_id());
    if (state != states.end() && state->second == "healthy") state->second = "joined";
  }
}

}  // namespace chasqui::cli
