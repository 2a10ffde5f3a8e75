// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "common/time/clock.h"

namespace chasqui::rpc {

// The shape of a method, as metrics name it.
enum class MethodKind { kUnary, kClientStream, kServerStream, kBidiStream };

// "unary", "client_stream", "server_stream", "bidi_stream": the values of the label grpc_type.
std::string_view ToString(MethodKind kind);

// Is told what happens to the calls of one method. Thread-safe; called on the loops, must not
// block.
class MethodObserver {
 public:
  virtual ~MethodObserver() = default;

  virtual void OnStarted() = 0;
  virtual void OnMessageReceived() = 0;
  virtual void OnMessageSent() = 0;
  // `code` is what the client was told, or CANCELLED when it did not stay to hear it.
  virtual void OnHandled(absl::StatusCode code, time::Duration elapsed) = 0;
};

// What a server tells about its calls; implemented by the metrics library. Outlives the server.
class ServerObserver {
 public:
  virtual ~ServerObserver() = default;

  // The observer of a method, asked for once when the method is registered, or nullptr. Owned by
  // the ServerObserver. `service` is "package.Service", `method` the bare name.
  virtual MethodObserver* ForMethod(std::string_view service, std::string_view method,
                                    MethodKind kind) = 0;
};

}  // namespace chasqui::rpc
