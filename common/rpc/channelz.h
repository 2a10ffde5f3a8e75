// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace chasqui::rpc {

class Server;

// Adds grpc.channelz.v1 to `server`: what gRPC knows about the channels, servers and sockets of
// this process. gRPC's own service for it is a synchronous one, which would bring threads that poll
// beside the loops.
void RegisterChannelz(Server& server);

}  // namespace chasqui::rpc
