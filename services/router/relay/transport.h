// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/rpc/client_call.h"
#include "common/rpc/server_call.h"

// The seam between the relay and the transport under it. The relay reads and writes messages as
// bytes, hints at what follows, cancels and ends; a transport that offers the members of these
// types that are used in relay/ can take gRPC's place on the hot path.
namespace chasqui::router {

// From a client.
using DownstreamCall = rpc::ServerCall;
// To a worker: a stream of events, and a single answer.
using UpstreamStream = rpc::ClientCall;
using UpstreamUnary = rpc::UnaryCall;

}  // namespace chasqui::router
