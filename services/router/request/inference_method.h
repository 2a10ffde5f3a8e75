// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"
#include "common/rpc/observer.h"

namespace chasqui::router {

// What the router reads in a request, of whatever method.
struct Asked {
  // Name or alias. Empty: the only model.
  std::string model;
  // Empty: none was given, or the method has none.
  std::string request_id;
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
  // Parses and validates: INVALID_ARGUMENT with everything that is wrong.
  absl::StatusOr<Asked> (*read)(const grpc::ByteBuffer& request);
};

// All of them. Constant.
std::span<const InferenceMethod> InferenceMethods();

// "/chasqui.inference.v1.InferenceService/NAME".
std::string InferencePath(std::string_view name);

}  // namespace chasqui::router
