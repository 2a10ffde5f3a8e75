// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/observer.h"

namespace chasqui::rpc {

std::string_view ToString(MethodKind kind) {
  switch (kind) {
    case MethodKind::kUnary:
      return "unary";
    case MethodKind::kClientStream:
      return "client_stream";
    case MethodKind::kServerStream:
      return "server_stream";
    case MethodKind::kBidiStream:
      return "bidi_stream";
  }
  return "unknown";
}

}  // namespace chasqui::rpc
