// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/peer_routers.h"

#include <chrono>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/client_call.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

constexpr char kPath[] = "/chasqui.inference.v1.InferenceService/ResumeStream";
constexpr char kFromPeerKey[] = "x-chasqui-from-router";
constexpr char kAuthorizationKey[] = "authorization";
// A router that has the stream says so at once, or after its reader has let go of it.
constexpr time::Duration kAnswerTimeout = 10s;

rpc::CallOptions OptionsFor(rpc::ServerCall& call) {
  rpc::CallOptions options;
  options.parent = &call;
  options.metadata = {{kFromPeerKey, "1"}};
  if (const auto key = call.Metadata(kAuthorizationKey))
    options.metadata.emplace_back(kAuthorizationKey, *key);
  return options;
}

}  // namespace

absl::Status PeerRouters::Set(const std::set<std::string>& addresses) {
  absl::MutexLock lock(mutex_);
  auto channels = std::make_shared<Channels>();
  for (const std::string& address : addresses) {
    if (const auto former = channels_->find(address); former != channels_->end()) {
      channels->insert(*former);
      continue;
    }
    ABSL_ASSIGN_OR_RETURN(rpc::Channel channel,
                          rpc::Channel::Create(absl::StrCat("dns:///", address), options_));
    channels->emplace(address, std::move(channel));
  }
  channels_ = std::move(channels);
  return absl::OkStatus();
}

bool PeerRouters::IsFromPeer(const rpc::ServerCall& call) {
  return call.Metadata(kFromPeerKey).has_value();
}

rpc::Task<std::optional<absl::Status>> PeerRouters::Ask(rpc::ServerCall& call,
                                                        const grpc::ByteBuffer& request) const {
  const std::shared_ptr<const Channels> channels = [this] {
    absl::MutexLock lock(mutex_);
    return channels_;
  }();
  for (const auto& [address, channel] : *channels) {
    rpc::ClientCall upstream(call.loop(), channel, kPath, OptionsFor(call));
    upstream.WriteLast(request);
    std::optional<grpc::ByteBuffer> event;
    {
      const auto timeout = call.loop().After(kAnswerTimeout, [&upstream] { upstream.Cancel(); });
      event = co_await upstream.Read();
    }
    const bool has_it = event.has_value();
    for (; event.has_value(); event = co_await upstream.Read()) {
      if (!co_await call.Write(*std::move(event), upstream.has_message())) break;
    }
    absl::Status status = co_await upstream.Finish();
    // NOT_FOUND is the word of one that does not have it; one that cannot be asked, or not in the
    // caller's name, has nothing either. What else one says is about the stream itself.
    const bool no = absl::IsNotFound(status) || absl::IsUnavailable(status) ||
                    absl::IsCancelled(status) || absl::IsUnimplemented(status) ||
                    absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
    if (has_it || !no) co_return status;
    if (call.cancelled()) break;
  }
  co_return std::nullopt;
}

}  // namespace chasqui::router
