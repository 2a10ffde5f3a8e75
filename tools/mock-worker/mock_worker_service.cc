// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/mock_worker_service.h"

#include <chrono>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace chasqui::mock_worker {
namespace {

using worker::v1::DrainRequest;
using worker::v1::DrainResponse;
using worker::v1::GetStatusRequest;
using worker::v1::GetStatusResponse;

constexpr char kRouterIdKey[] = "x-chasqui-router-id";
constexpr std::chrono::milliseconds kIdleCheckInterval{10};

std::string Path(std::string_view method) {
  return absl::StrCat("/chasqui.worker.v1.WorkerService/", method);
}

}  // namespace

void MockWorkerService::Register(rpc::Server& server) {
  rpc::RegisterUnary<GetStatusRequest, GetStatusResponse>(
      server, Path("GetStatus"),
      [this](rpc::ServerCall& call, GetStatusRequest)
          -> concurrency::Task<absl::StatusOr<GetStatusResponse>> { co_return Status(call); });
  rpc::RegisterUnary<DrainRequest, DrainResponse>(
      server, Path("Drain"),
      [this](rpc::ServerCall& call, DrainRequest request) { return Drain(call, request); });
}

GetStatusResponse MockWorkerService::Status(const rpc::ServerCall& call) const {
  fleet::v1::WorkerHello hello = hello_();
  GetStatusResponse status;
  status.set_worker_id(hello.worker_id());
  status.set_incarnation(hello.incarnation());
  status.set_version(hello.version());
  status.mutable_models()->Swap(hello.mutable_models()->mutable_models());
  status.mutable_devices()->Swap(hello.mutable_devices());
  *status.mutable_load() =
      load_.Report(std::string(call.Metadata(kRouterIdKey).value_or(std::string_view())));
  return status;
}

concurrency::Task<absl::StatusOr<DrainResponse>> MockWorkerService::Drain(rpc::ServerCall& call,
                                                                          DrainRequest request) {
  load_.SetDraining(!request.undo());
  const bool waits = !request.undo() && !request.no_wait();
  while (waits && load_.active() > 0 && !call.cancelled()) {
    co_await call.loop().SleepFor(kIdleCheckInterval);
  }
  co_return DrainResponse();
}

}  // namespace chasqui::mock_worker
