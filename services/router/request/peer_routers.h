// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <grpcpp/support/byte_buffer.h>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/loop.h"
#include "common/rpc/server_call.h"

namespace chasqui::router {

// The other routers of the deployment, asked for streams that they keep. Owned by the RouterServer.
// Thread-safe.
class PeerRouters {
 public:
  explicit PeerRouters(rpc::ChannelOptions options) : options_(std::move(options)) {}
  PeerRouters(const PeerRouters&) = delete;
  PeerRouters& operator=(const PeerRouters&) = delete;

  // From now on these are the others, by "host:port"; one of them may be this router itself.
  // Connections to those that stay are kept. Fails, changing nothing, when the TLS files cannot be
  // read.
  absl::Status Set(const std::set<std::string>& addresses);

  // Whether the call was made by Ask() of another router: it is not passed on once more.
  static bool IsFromPeer(const rpc::ServerCall& call);

  // Asks one after the other for the stream that `request`, a ResumeStreamRequest, names, and
  // relays the events of the first one that has it. Its status then; nothing when none has it. On
  // the call's loop.
  rpc::Task<std::optional<absl::Status>> Ask(rpc::ServerCall& call,
                                             const grpc::ByteBuffer& request) const;

 private:
  using Channels = std::map<std::string, rpc::Channel>;  // by address

  const rpc::ChannelOptions options_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const Channels> channels_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const Channels>();
};

}  // namespace chasqui::router
