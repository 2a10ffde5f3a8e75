// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "chasqui/fleet/v1/registration_service.pb.h"
#include "common/rpc/async_queue.h"
#include "common/rpc/loop.h"
#include "common/rpc/one_shot.h"
#include "common/rpc/server_call.h"
#include "services/router/fleet/member.h"

namespace chasqui::router {

// The answer to a command, awaited on the loop of whoever gave it.
struct CommandReply {
  explicit CommandReply(rpc::Loop& home) : loop(home) {}

  // Thread-safe. Only the first one counts.
  static void Send(const std::shared_ptr<CommandReply>& reply, absl::Status result);

  rpc::Loop& loop;
  rpc::OneShot<absl::Status> result;
};

// A Join stream as others see it: where commands to its worker go, and how it is ended. Shared by
// the stream's coroutines and JoinStreams. Confined to the stream's loop but for Command() and
// End(), which are thread-safe.
class JoinStream : public std::enable_shared_from_this<JoinStream> {
 public:
  // Most commands that wait to be sent or answered.
  static constexpr std::size_t kMaxCommands = 64;

  explicit JoinStream(rpc::ServerCall& call) : loop_(call.loop()), call_(&call) {}

  // Sends the command, whose id is filled in; the reply gets the worker's result, UNAVAILABLE when
  // the stream ends before, RESOURCE_EXHAUSTED when too many are under way.
  void Command(fleet::v1::Command command, std::shared_ptr<CommandReply> reply);
  // Ends the stream with `status`, unless it has ended.
  void End(absl::Status status);

  // --- For the stream's own coroutines ---

  // What is to be sent; closed by Close().
  rpc::AsyncQueue<fleet::v1::Command>& commands() { return commands_; }
  // Whether a command has this id.
  bool Answer(const fleet::v1::CommandResult& result);
  // The stream is over: the call is not touched any more and open commands fail.
  void Close();

 private:
  void Enqueue(fleet::v1::Command command, std::shared_ptr<CommandReply> reply);

  rpc::Loop& loop_;
  rpc::ServerCall* call_;  // null once it is over
  rpc::AsyncQueue<fleet::v1::Command> commands_{kMaxCommands};
  std::map<std::uint64_t, std::shared_ptr<CommandReply>> open_;  // by the command's id
  std::uint64_t last_command_id_ = 0;
};

// The Join streams of all members, by session. Thread-safe.
class JoinStreams {
 public:
  void Add(SessionId session, std::shared_ptr<JoinStream> stream);
  void Remove(SessionId session);
  // Null when there is none.
  std::shared_ptr<JoinStream> Find(SessionId session) const;

 private:
  mutable absl::Mutex mutex_;
  std::map<SessionId, std::shared_ptr<JoinStream>> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::router
