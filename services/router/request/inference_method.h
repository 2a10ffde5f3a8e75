// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "common/rpc/observer.h"
#include "services/router/limits/token_estimate.h"
#include "services/router/queue/ticket.h"

namespace chasqui::router {

// What the router reads in a request, of whatever method.
struct Asked {
  // Name or alias. Empty: the only model.
  std::string model;
  // Empty: none was given, or the method has none.
  std::string request_id;
  // What the model must be good for, when it says that instead of a name.
  std::optional<inference::v1::ModelRequirements> requirements;
  // Whether another model could answer in its place: it generates, and holds nothing that means
  // something to one model only, such as token ids or adapters.
  bool any_model = false;
  // Zero for methods that run in no slot.
  TokenEstimate tokens;
  // Hashes of the prompt's beginnings: see prompt_prefix.h. Empty: none were wanted, or the method
  // has no prompt.
  std::vector<std::uint64_t> prefix;
  Priority priority = Priority::kNormal;
  // How many answers it asks for, each of which runs in a slot.
  std::uint32_t answers = 1;
  // Whether it wants a remembered answer, or none.
  bool only_remembered = false;
  // Of a stream that the client goes on with after it broke.
  inference::v1::ResumePoint resume;
};

// An RPC of InferenceService that is passed on to a worker. All of them are served by the same
// code; this is what they differ in.
struct InferenceMethod {
  std::string_view name;  // "StreamGenerate"
  rpc::MethodKind kind;
  // Whether it runs in a slot of the model, and thus may have to wait for one.
  bool takes_slot;
  // Numbers of the request's fields; 0: it has none.
  int model_field;
  int request_id_field;
  // Parses and validates: INVALID_ARGUMENT with everything that is wrong. The prefix is hashed in
  // blocks of `prefix_block_bytes`; 0: not at all.
  absl::StatusOr<Asked> (*read)(const grpc::ByteBuffer& request, std::size_t prefix_block_bytes);
};

// All of them. Constant.
std::span<const InferenceMethod> InferenceMethods();

// ResumeStream, which is answered by the ResumeRunner; its fields are those of the GenerateRequest
// that may come with it.
const InferenceMethod& ResumeMethod();

// "/chasqui.inference.v1.InferenceService/NAME".
std::string InferencePath(std::string_view name);

}  // namespace chasqui::router
