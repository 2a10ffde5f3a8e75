// SPDX-License-Identifier: Apache-2.0
#include "services/router/registration/join_stream.h"

#include <chrono>
#include <utility>

#include "common/status/status.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

// Calls `fn` on `loop`: now where this is its thread.
template <typename Fn>
void RunOn(rpc::Loop& loop, Fn fn) {
  if (loop.IsCurrent()) {
    fn();
  } else {
    loop.Post(std::move(fn));
  }
}

absl::Status ToStatus(const fleet::v1::CommandResult& result) {
  if (result.code() == 0) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(result.code()), result.message());
}

}  // namespace

void CommandReply::Send(const std::shared_ptr<CommandReply>& reply, absl::Status result) {
  RunOn(reply->loop, [reply, result = std::move(result)] { reply->result.Set(result); });
}

void JoinStream::Command(fleet::v1::Command command, std::shared_ptr<CommandReply> reply) {
  RunOn(loop_, [self = shared_from_this(), command = std::move(command),
                reply = std::move(reply)]() mutable {
    self->Enqueue(std::move(command), std::move(reply));
  });
}

void JoinStream::End(absl::Status status) {
  RunOn(loop_, [self = shared_from_this(), status = std::move(status)] {
    if (self->call_ != nullptr) self->call_->Abort(status);
  });
}

bool JoinStream::Answer(const fleet::v1::CommandResult& result) {
  const auto it = open_.find(result.command_id());
  if (it == open_.end()) return false;
  CommandReply::Send(it->second, ToStatus(result));
  open_.erase(it);
  return true;
}

void JoinStream::Close() {
  call_ = nullptr;
  commands_.Close();
  for (const auto& [id, reply] : open_) {
    CommandReply::Send(
        reply, status::Unavailable("WORKER_LEFT", "the worker left before it answered", 1s));
  }
  open_.clear();
}

void JoinStream::Enqueue(fleet::v1::Command command, std::shared_ptr<CommandReply> reply) {
  command.set_command_id(++last_command_id_);
  if (open_.size() >= kMaxCommands) {
    CommandReply::Send(reply,
                       status::ResourceExhausted("TOO_MANY_COMMANDS",
                                                 "the worker has not answered earlier ones", 1s));
    return;
  }
  if (!commands_.TryPush(std::move(command))) {
    CommandReply::Send(reply,
                       status::Unavailable("WORKER_LEFT", "the worker's stream has ended", 1s));
    return;
  }
  open_.emplace(last_command_id_, std::move(reply));
}

void JoinStreams::Add(SessionId session, std::shared_ptr<JoinStream> stream) {
  absl::MutexLock lock(mutex_);
  streams_.emplace(session, std::move(stream));
}

void JoinStreams::Remove(SessionId session) {
  absl::MutexLock lock(mutex_);
  streams_.erase(session);
}

std::shared_ptr<JoinStream> JoinStreams::Find(SessionId session) const {
  absl::MutexLock lock(mutex_);
  const auto it = streams_.find(session);
  return it == streams_.end() ? nullptr : it->second;
}

}  // namespace chasqui::router
