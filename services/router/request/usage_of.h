// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "chasqui/inference/v1/usage.pb.h"
#include "common/rpc/server_call.h"
#include "services/router/request/inference_method.h"

namespace chasqui::router {

// What the last message of the answer to `call` says was used; nothing when there is no such
// message, or it does not say. Before the call has ended.
std::optional<inference::v1::Usage> UsageOf(const rpc::ServerCall& call,
                                            const InferenceMethod& method);

// Of prompt and answers.
inline std::uint64_t AllTokens(const inference::v1::Usage& usage) {
  return std::uint64_t{usage.prompt_tokens()} + usage.completion_tokens();
}

}  // namespace chasqui::router
