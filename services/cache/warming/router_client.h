// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "chasqui/config/v1/cache_config.pb.h"
#include "chasqui/fleet/v1/fleet_service.pb.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_call.h"
#include "common/rpc/loop.h"

namespace chasqui::cache {

// The router that makes answers in advance; that they are remembered is the router's doing, which
// asks this service as it does for everyone. Owned by the CacheServer. Thread-safe.
class RouterClient {
 public:
  enum class Made { kGenerated, kRemembered };

  // Fails only when the TLS files cannot be read.
  static absl::StatusOr<RouterClient> Create(const config::v1::WarmingConfig& config);

  // Has the request answered to its end, at low priority, on behalf of `tenant`; again even if its
  // answer is remembered, with `refresh`. `parent` may be null.
  rpc::Task<absl::StatusOr<Made>> Ask(rpc::Loop& loop, inference::v1::GenerateRequest request,
                                      std::string tenant, bool refresh,
                                      rpc::ServerCall* parent) const;

  // The fleet as it is now.
  rpc::Task<absl::StatusOr<fleet::v1::WatchFleetResponse>> LookAtFleet(rpc::Loop& loop) const;

 private:
  RouterClient(rpc::Channel channel, std::string api_key)
      : channel_(std::move(channel)), api_key_(std::move(api_key)) {}
  rpc::CallOptions Options() const;

  rpc::Channel channel_;
  std::string api_key_;
};

}  // namespace chasqui::cache
