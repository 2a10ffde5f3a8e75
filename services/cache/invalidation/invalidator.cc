// SPDX-License-Identifier: Apache-2.0
#include "services/cache/invalidation/invalidator.h"

#include <memory>

#include "services/cache/store/on_loop.h"

namespace chasqui::cache {

rpc::Task<Invalidator::Reach> Invalidator::Invalidate(rpc::Loop& loop,
                                                      std::vector<std::string> names) {
  const Generations::Change change = generations_.Invalidate(names);
  const auto written = std::make_shared<Asked<absl::Status>>(loop);
  const auto shared = std::make_shared<Asked<Reach>>(loop);
  // Both at once.
  if (disk_ != nullptr) disk_->WriteGenerations(change, Setter(written));
  if (share_ != nullptr) {
    share_->Share(change, [set = Setter(shared)](std::uint32_t replicas, bool pending) {
      set(Reach{.replicas = replicas, .pending = pending});
    });
  }
  if (disk_ != nullptr) {
    if (const absl::Status status = co_await written->answer; !status.ok()) {
      log_.Error("an invalidation could not be written to disk: it does not outlive this process",
                 {{"error", status}});
    }
  }
  if (share_ == nullptr) co_return Reach{};
  co_return co_await shared->answer;
}

std::uint32_t Invalidator::replicas() const { return share_ != nullptr ? share_->replicas() : 1; }

}  // namespace chasqui::cache
