// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace chasqui::rpc {

class Server;

// Adds grpc.reflection.v1 and v1alpha to `server`: one handler, for the messages are the same on
// the wire. Answers from the descriptors linked into the program; lists what is registered.
void RegisterReflection(Server& server);

}  // namespace chasqui::rpc
