// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace chasqui::rpc {

// The first thing every program of the suite does, before it has a second thread:
// - Turns off deadlock detection in Abseil's mutexes. Debian builds Abseil with its debug checks,
//   so every lock pays for a graph of all locks; without it a request costs about a third less.
//   (Tests leave it on.)
// - Blocks SIGINT and SIGTERM in this thread and in all that it starts; SignalWaiter receives them.
// - Ignores SIGPIPE, for writing to a closed socket is an error like others.
void PrepareProcess();

}  // namespace chasqui::rpc
