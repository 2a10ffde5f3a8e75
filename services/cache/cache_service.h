// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "chasqui/cache/v1/cache_service.pb.h"
#include "common/rpc/server.h"
#include "common/rpc/server_methods.h"
#include "services/cache/invalidation/invalidator.h"
#include "services/cache/lookup/lookup_call.h"
#include "services/cache/warming/warmer.h"

namespace chasqui::cache {

// The gRPC edge of the service. Owned by the CacheServer; outlives its server. Thread-safe.
class CacheService {
 public:
  // All outlive it. `warmer` is null where no router is configured.
  CacheService(const LookupCall::Shared& shared, Invalidator& invalidator, Warmer* warmer)
      : shared_(shared), invalidator_(invalidator), warmer_(warmer) {}

  void Register(rpc::Server& server);

 private:
  rpc::Task<absl::StatusOr<v1::InvalidateResponse>> Invalidate(rpc::ServerCall& call,
                                                               v1::InvalidateRequest request);
  rpc::Task<absl::StatusOr<v1::GetEntryResponse>> GetEntry(rpc::ServerCall& call,
                                                           v1::GetEntryRequest request);
  absl::StatusOr<v1::GetStatsResponse> GetStats(const v1::GetStatsRequest& request);
  rpc::Task<absl::Status> Warm(rpc::ServerCall& call, v1::WarmRequest request,
                               rpc::ServerWriter<v1::WarmResponse>& writer);

  const LookupCall::Shared& shared_;
  Invalidator& invalidator_;
  Warmer* const warmer_;
};

}  // namespace chasqui::cache
