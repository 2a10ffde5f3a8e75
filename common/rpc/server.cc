// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/server.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/log/check.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "common/rpc/call_acceptor.h"
#include "common/rpc/channelz.h"
#include "common/rpc/reflection.h"
#include "common/status/status.h"

namespace chasqui::rpc {
namespace {

// How long aborted calls may take to tell their clients before they are cut off.
constexpr std::chrono::seconds kAbortGrace(1);

std::pair<std::string_view, std::string_view> SplitPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  CHECK(path.starts_with('/') && slash > 1 && slash + 1 < path.size())
      << "'" << path << "' is not /package.Service/Method";
  return {path.substr(1, slash - 1), path.substr(slash + 1)};
}

void SetArguments(const ServerOptions& options, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(options.max_request_bytes > 0 ? options.max_request_bytes : -1);
  if (options.max_metadata_bytes > 0) {
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.max_metadata_bytes);
  }
  if (options.max_streams_per_connection > 0) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams_per_connection);
  }
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             static_cast<int>(options.keepalive_time.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             static_cast<int>(options.keepalive_timeout.count()));
  // ServerCall does it, with a bound.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // Clients may ping while a long prompt is computed and nothing is sent; gRPC's default of five
  // minutes would end their connections. A tenth is left for clocks and delays.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             static_cast<int>(options.min_client_ping_interval.count() * 9 / 10));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A second process on the same port must fail to start, not take half of the connections.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, options.channelz ? 1 : 0);
}

}  // namespace

Server::Server(ServerOptions options, ServerObserver* observer)
    : options_(std::move(options)), observer_(observer) {
  CHECK_GT(options_.loops, 0);
  for (int i = 0; i < options_.loops; ++i) {
    auto queue = builder_.AddCompletionQueue();
    grpc::ServerCompletionQueue& server_queue = *queue;
    loops_.push_back(
        std::make_unique<Loop>(absl::StrCat(options_.name, "-", i), i, std::move(queue)));
    acceptors_.push_back(std::make_unique<CallAcceptor>(*this, *loops_.back(), server_queue));
  }
}

Server::~Server() { Drain(time::Duration::zero()); }

void Server::Register(std::string path, MethodKind kind, Handler handler, MethodOptions options) {
  CHECK(server_ == nullptr) << "methods are registered before the start";
  const auto [service, name] = SplitPath(path);
  MethodObserver* observer =
      observer_ != nullptr ? observer_->ForMethod(service, name, kind) : nullptr;
  auto method = std::make_unique<Method>(Method{path, kind, options, std::move(handler), observer});
  const bool added = methods_.emplace(std::move(path), std::move(method)).second;
  CHECK(added) << "a method was registered twice";
}

absl::Status Server::Start() {
  AddBuiltIns();
  ABSL_ASSIGN_OR_RETURN(auto credentials, MakeCredentials(options_.tls));
  SetArguments(options_, builder_);
  builder_.RegisterAsyncGenericService(&service_);
  builder_.AddListeningPort(options_.listen, credentials, &port_);
  server_ = builder_.BuildAndStart();
  if (server_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot listen on '", options_.listen, "'"));
  }
  for (size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->Post([this, acceptor = acceptors_[i].get()] {
      for (int n = 0; n < options_.calls_requested_ahead; ++n) acceptor->RequestCall();
    });
  }
  return absl::OkStatus();
}

std::string Server::local_address() const { return absl::StrCat("127.0.0.1:", port_); }

std::vector<std::string> Server::ServiceNames() const {
  std::set<std::string> names;
  for (const auto& [path, method] : methods_) names.emplace(SplitPath(path).first);
  return {names.begin(), names.end()};
}

bool Server::Drain(time::Duration grace) {
  if (std::exchange(drained_, true)) return drained_in_time_;
  health_.ShutDown();
  gate_.Close();
  if (server_ != nullptr) {
    drained_in_time_ = gate_.WaitUntilEmpty(grace);
    LetLoopsRun();
    AbortCalls();
    const auto deadline = time::SteadyNow() + kAbortGrace;
    server_->Shutdown(gpr_time_from_nanos(
        std::chrono::nanoseconds(deadline.time_since_epoch()).count(), GPR_CLOCK_MONOTONIC));
  }
  for (auto& loop : loops_) loop->Stop();
  acceptors_.clear();
  return drained_in_time_;
}

const Method* Server::FindMethod(std::string_view path) const {
  const auto found = methods_.find(path);
  return found != methods_.end() ? found->second.get() : nullptr;
}

void Server::AddBuiltIns() {
  RegisterHealth(*this, health_);
  if (options_.reflection) RegisterReflection(*this);
  if (options_.channelz) RegisterChannelz(*this);
  std::vector<std::string> names = ServiceNames();
  for (const char* name : {"", "liveness", "readiness"}) names.emplace_back(name);
  for (const std::string& name : names) {
    if (health_.Get(name) == HealthRegistry::State::kUnknown) health_.SetServing(name, true);
  }
}

// Returns when every loop has gone through a whole turn: who watches the health has heard of the
// drain then, also when no call was to be waited for.
void Server::LetLoopsRun() {
  absl::BlockingCounter turns(static_cast<int>(loops_.size()));
  for (const auto& loop : loops_) {
    // Whoever a post wakes runs after it, in the same turn: the second post is behind them.
    const bool posted = loop->Post([&turns, next = loop.get()] {
      if (!next->Post([&turns] { turns.DecrementCount(); })) turns.DecrementCount();
    });
    if (!posted) turns.DecrementCount();
  }
  turns.Wait();
}

void Server::AbortCalls() {
  const absl::Status status =
      status::Unavailable("DRAINING", "this server has shut down", std::chrono::milliseconds(0));
  for (size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->Post([acceptor = acceptors_[i].get(), status] { acceptor->AbortCalls(status); });
  }
}

namespace internal {

absl::Status Unparsable(std::string_view message_name) {
  return status::InvalidArgument("", absl::StrCat("the bytes are not a ", message_name));
}

absl::Status RequestError(const absl::Status& status) {
  if (!absl::IsOutOfRange(status)) return status;
  return absl::InvalidArgumentError("the call ended without a request");
}

}  // namespace internal
}  // namespace chasqui::rpc
