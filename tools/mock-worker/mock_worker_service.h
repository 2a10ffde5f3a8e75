// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "chasqui/fleet/v1/registration_service.pb.h"
#include "chasqui/worker/v1/worker_service.pb.h"
#include "common/rpc/server.h"
#include "common/rpc/server_methods.h"
#include "tools/mock-worker/worker_load.h"

namespace chasqui::mock_worker {

// GetStatus and Drain of WorkerService, for routers that ask workers what they are doing. Owned by
// its worker; outlives the calls. Confined to the server's one loop.
class MockWorkerService {
 public:
  // `hello` tells who the worker is. `load` outlives this.
  MockWorkerService(std::function<fleet::v1::WorkerHello()> hello, WorkerLoad& load)
      : hello_(std::move(hello)), load_(load) {}

  void Register(rpc::Server& server);

 private:
  worker::v1::GetStatusResponse Status(const rpc::ServerCall& call) const;
  concurrency::Task<absl::StatusOr<worker::v1::DrainResponse>> Drain(
      rpc::ServerCall& call, worker::v1::DrainRequest request);

  const std::function<fleet::v1::WorkerHello()> hello_;
  WorkerLoad& load_;
};

}  // namespace chasqui::mock_worker
