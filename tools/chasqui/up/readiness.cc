// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/readiness.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>

#include "absl/strings/str_cat.h"
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

// A connection made anew for each question: one that was refused once would wait before it tries
// again, in which time the process has long been up.
std::shared_ptr<grpc::Channel> Connect(const PlannedProcess& process) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(process.address, grpc::InsecureChannelCredentials(), arguments);
}

// A worker may be a member before its models are known.
bool CanBeAsked(const Worker& worker) {
  return worker.state() == chasqui::fleet::v1::WORKER_STATE_READY &&
         std::ranges::any_of(worker.models(), [](const chasqui::inference::v1::Model& model) {
           return model.state() == chasqui::inference::v1::MODEL_STATE_READY;
         });
}

}  // namespace

std::map<std::string, std::string> Readiness::Ask() {
  std::map<std::string, std::string> states;
  complete_ = Healthy(plan_.router);
  states[plan_.router.name] = complete_ ? "healthy" : "starting";
  for (const PlannedProcess& worker : plan_.workers) {
    states[worker.name] = Healthy(worker) ? "healthy" : "starting";
  }
  const bool cached = !plan_.cache.has_value() || Healthy(*plan_.cache);
  if (plan_.cache.has_value()) states[plan_.cache->name] = cached ? "healthy" : "starting";
  if (complete_) AskRouter(states);
  complete_ = complete_ && cached;
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
      Health::NewStub(Connect(process))->Check(&context, HealthCheckRequest(), &response);
  healthy = status.ok() && response.status() == HealthCheckResponse::SERVING;
  return healthy;
}

void Readiness::AskRouter(std::map<std::string, std::string>& states) {
  grpc::ClientContext context;
  SetDeadline(context);
  if (!api_key_.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", api_key_));
  ListWorkersResponse response;
  const grpc::Status status = FleetService::NewStub(Connect(plan_.router))
                                  ->ListWorkers(&context, ListWorkersRequest(), &response);
  if (!status.ok()) return;
  for (const Worker& worker : response.workers()) {
    if (!CanBeAsked(worker)) continue;
    const auto state = states.find(worker.worker_id());
    if (state != states.end() && state->second == "healthy") state->second = "joined";
  }
}

}  // namespace chasqui::cli
