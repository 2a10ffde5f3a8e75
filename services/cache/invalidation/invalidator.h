// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "common/observability/log.h"
#include "common/rpc/loop.h"
#include "services/cache/disk/disk_tier.h"
#include "services/cache/generation/generations.h"
#include "services/cache/redis/generation_share.h"

namespace chasqui::cache {

// Makes answers invalid everywhere: here at once, then on disk, so that what is there does not
// become valid by a restart, and in the replicas. Owned by the CacheServer. Thread-safe.
class Invalidator {
 public:
  // How far an invalidation has come.
  struct Reach {
    std::uint32_t replicas = 1;
    // Whether others may not know it yet.
    bool pending = false;
    // Whether it outlives this process: it is on disk, all replicas know it, or there is no disk.
    bool lasts = true;
  };

  // All outlive it. Null: there is no disk, or no Redis.
  Invalidator(Generations& generations, DiskTier* disk, GenerationShare* share,
              observability::Logger log)
      : generations_(generations), disk_(disk), share_(share), log_(std::move(log)) {}

  // From when it returns on nothing that was begun before is valid, and nothing becomes so.
  rpc::Task<Reach> Invalidate(rpc::Loop& loop, std::vector<std::string> names);

  // Replicas, this one included.
  std::uint32_t replicas() const;

 private:
  Generations& generations_;
  DiskTier* const disk_;
  GenerationShare* const share_;
  const observability::Logger log_;
};

}  // namespace chasqui::cache
