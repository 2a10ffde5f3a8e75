// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "chasqui/inference/v1/text.pb.h"

// Checks of requests that need no model: the limits that the protos' comments state, and the fields
// that this version does not implement. Router and worker call the same functions before any work.
// Pure and thread-safe. Each answers OK, or INVALID_ARGUMENT with every violation in one
// BadRequest: the field's path, the limit and what was given.
namespace chasqui::inference {

absl::Status Validate(const v1::GenerateRequest& request);
absl::Status Validate(const v1::EmbedRequest& request);
absl::Status Validate(const v1::RerankRequest& request);
absl::Status Validate(const v1::TokenizeRequest& request);
absl::Status Validate(const v1::DetokenizeRequest& request);
absl::Status Validate(const v1::ApplyTemplateRequest& request);

// For workers: INVALID_ARGUMENT when it leaves the choice of a model to a router,
// FAILED_PRECONDITION when it wants a remembered answer, which only a router can have.
absl::Status CheckForWorker(const v1::GenerateRequest& request);

// Whether `id` can name a request: 1 to 128 characters of [A-Za-z0-9._:-].
bool IsRequestId(std::string_view id);

}  // namespace chasqui::inference
