// SPDX-License-Identifier: Apache-2.0
#include "services/cache/invalidation/invalidator.h"

#include <chrono>
#include <memory>

#include "services/cache/store/on_loop.h"

namespace chasqui::cache {
namespace {

constexpr time::Duration kLongestWrite = std::chrono::seconds(10);

}  // namespace

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
  bool is_written = true;
  if (disk_ != nullptr) {
    const auto timer = loop.After(kLongestWrite, [&answer = written->answer] {
      answer.Set(absl::UnavailableError("the disk did not answer in time"));
    });
    const absl::Status status = co_await written->answer;
    is_written = status.ok();
    if (!is_written) log_.Error("an invalidation is not on disk", {{"error", status}});
  }
  if (share_ == nullptr) co_return Reach{.lasts = is_written};
  Reach reach = co_await shared->answer;
  reach.lasts = is_written || !reach.pending;
  co_return reach;
}

std::uint32_t Invalidator::replicas() const { return share_ != nullptr ? share_->replicas() : 1; }

}  // namespace chasqui::cache
