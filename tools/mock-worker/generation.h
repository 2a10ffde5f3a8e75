// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "common/concurrency/task.h"
#include "common/rpc/server_call.h"
#include "common/rpc/server_methods.h"
#include "tools/mock-worker/breath.h"
#include "tools/mock-worker/generation_plan.h"
#include "tools/mock-worker/worker_load.h"

namespace chasqui::mock_worker {

// Sends the events of one stream as its plan says, at its times and with its faults. Owned by the
// handler of the call. Confined to the call's loop.
class Generation {
 public:
  using Writer = rpc::ServerWriter<inference::v1::StreamGenerateResponse>;

  // The references outlive this.
  Generation(rpc::ServerCall& call, WorkerLoad& load, Breath& breath, GenerationPlan plan)
      : call_(call),
        load_(load),
        breath_(breath),
        plan_(std::move(plan)),
        next_sequence_(plan_.next_sequence) {}

  // Runs to the end of the stream. `started` is what Started says.
  concurrency::Task<absl::Status> Stream(Writer& writer, const inference::v1::Started& started);

  // Takes as long as the stream would, and gives its whole answer.
  concurrency::Task<absl::StatusOr<inference::v1::GenerateResponse>> Answer(
      const inference::v1::Started& started);

 private:
  // What is to happen instead of the chunk at `position`; OK: nothing. Ends the process, pauses or
  // hangs where the plan says so.
  concurrency::Task<absl::Status> Disturb(uint64_t position);
  concurrency::Task<void> Wait(time::SteadyTime until);
  concurrency::Task<bool> SendChunks(Writer& writer, uint64_t position);
  inference::v1::Finished Finish() const;
  // Whether what comes at `position` follows the one before at once, but for a breath: only then
  // may that one wait in the transport for company.
  bool GoesOnAtOnce(uint64_t position) const;
  time::SteadyTime DueTime(uint64_t position) const;

  rpc::ServerCall& call_;
  WorkerLoad& load_;
  Breath& breath_;
  const GenerationPlan plan_;
  const time::SteadyTime begin_ = time::SteadyNow();
  uint64_t next_sequence_;
  inference::v1::StreamGenerateResponse event_;  // used again for each chunk
};

}  // namespace chasqui::mock_worker
