// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "tools/mock-worker/behaviour.h"

namespace chasqui::mock_worker {

// What a request comes to. A value.
struct GenerationPlan {
  Behaviour behaviour;  // faults only where they hold
  uint64_t prompt_hash = 0;
  uint32_t prompt_tokens = 0;
  uint32_t candidates = 1;
  uint64_t first = 0;  // position of the first token to send
  uint64_t end = 0;    // position after the last one
  uint64_t next_sequence = 0;
  inference::v1::FinishReason finish_reason = inference::v1::FINISH_REASON_STOP;
};

// Plans `request` on the worker `worker_id`. INVALID_ARGUMENT when its directive is wrong, or when
// it resumes with tokens that this model would not have made. The refusals of the behaviour
// (`refuse`, `full`) are the caller's.
absl::StatusOr<GenerationPlan> PlanGeneration(const inference::v1::GenerateRequest& request,
                                              const Behaviour& defaults,
                                              std::string_view worker_id);

}  // namespace chasqui::mock_worker
