// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/call_acceptor.h"

#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/concurrency/gate.h"
#include "common/status/status.h"

namespace chasqui::rpc {
namespace {

// Another replica is ready at once; this address has a new process within seconds.
constexpr std::chrono::milliseconds kDrainRetryDelay(500);

}  // namespace

CallAcceptor::~CallAcceptor() {
  // Those whose handlers never ended: the loop has destroyed their coroutines.
  while (calls_ != nullptr) delete calls_;
}

void CallAcceptor::RequestCall() {
  auto* call = new ServerCall(*this, loop_);
  loop_.OperationStarted();
  server_.service_.RequestCall(&call->context_, &call->stream_, &queue_, &queue_,
                               static_cast<Event*>(&call->accepted_event_));
}

void CallAcceptor::AbortCalls(const absl::Status& status) {
  // Aborting resumes nobody within the call, so the list stays as it is meanwhile.
  for (ServerCall* call = calls_; call != nullptr; call = call->next_) call->Abort(status);
}

void CallAcceptor::OnAccepted(ServerCall& call) {
  RequestCall();
  const Method* method = server_.FindMethod(call.method());
  if (method == nullptr) {
    call.Refuse(
        absl::UnimplementedError(absl::StrCat("this server has no method '", call.method(), "'")));
    return;
  }
  if (method->observer != nullptr) method->observer->OnStarted();
  if (server_.guard_) {
    if (const absl::Status allowed = server_.guard_(call); !allowed.ok()) {
      call.method_ = method;
      call.Refuse(allowed);
      return;
    }
  }
  std::optional<concurrency::Gate::Pass> pass;
  if (!method->options.background) {
    pass = server_.gate_.Enter();
    if (!pass.has_value()) {
      call.method_ = method;
      call.Refuse(
          status::Unavailable("DRAINING", "this server is shutting down", kDrainRetryDelay));
      return;
    }
  }
  call.Begin(*method, std::move(pass));
}

}  // namespace chasqui::rpc
