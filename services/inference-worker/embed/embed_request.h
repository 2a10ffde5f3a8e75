// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/text.pb.h"
#include "services/inference-worker/hosting/hosted_model.h"

namespace chasqui::worker {

// Answers a request that common/inference has found valid. Blocks for as long as it computes.
// INVALID_ARGUMENT for what the model decides: tokens, lengths, dimensions.
absl::StatusOr<inference::v1::EmbedResponse> AnswerEmbed(
    HostedModel& hosted, const inference::v1::EmbedRequest& request);

}  // namespace chasqui::worker
