// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/server.h"
#include "tools/mock-worker/behaviour.h"
#include "tools/mock-worker/membership.h"
#include "tools/mock-worker/mock_inference_service.h"
#include "tools/mock-worker/mock_worker_service.h"
#include "tools/mock-worker/worker_load.h"

namespace chasqui::mock_worker {

struct MockWorkerOptions {
  std::string id = "mock-0";
  std::string listen = "127.0.0.1:0";
  std::vector<std::string> routers;  // "host:port" each
  std::string model = "mock";
  uint32_t slots = 64;
  uint64_t incarnation = 1;
  Behaviour behaviour;             // of requests that do not ask for another
  int calls_requested_ahead = 64;  // see rpc::ServerOptions
};

// A worker as routers and clients see it, without a model: composition root of one of them, with a
// server and a loop of its own. Start() and Stop() are for one thread.
class MockWorker {
 public:
  explicit MockWorker(MockWorkerOptions options);
  MockWorker(const MockWorker&) = delete;
  MockWorker& operator=(const MockWorker&) = delete;
  ~MockWorker();

  // Serves, and begins to join its routers. Fails when the address cannot be bound.
  absl::Status Start();

  // Leaves its routers, lets calls end for at most `grace`. Blocks. Idempotent.
  void Stop(time::Duration grace);

  const std::string& id() const { return options_.id; }
  // "127.0.0.1:port", after Start().
  std::string address() const { return server_.local_address(); }

 private:
  fleet::v1::WorkerHello Hello() const;
  void LeaveRouters();

  const MockWorkerOptions options_;
  WorkerLoad load_;
  MockInferenceService service_;
  MockWorkerService worker_service_;
  std::vector<std::unique_ptr<Membership>> memberships_;
  rpc::Server server_;  // last: its loop works on all of the above
  bool stopped_ = false;
};

}  // namespace chasqui::mock_worker
