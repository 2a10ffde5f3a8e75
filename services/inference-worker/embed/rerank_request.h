// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/text.pb.h"
#include "services/inference-worker/hosting/hosted_model.h"

namespace chasqui::worker {

// Answers a request that common/inference has found valid. Blocks for as long as it computes.
// INVALID_ARGUMENT with the counts when a document is, with the query, longer than the model takes;
// FAILED_PRECONDITION when the model does not rank.
absl::StatusOr<inference::v1::RerankResponse> AnswerRerank(
    HostedModel& hosted, const inference::v1::RerankRequest& request);

}  // namespace chasqui::worker
