// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/lifecycle_plan.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace chasqui::worker {
namespace {

using State = ModelStage::State;

bool MayLeave(const ModelStage& model) {
  return model.state == State::kLoaded && !model.busy && !model.wanted_since.has_value();
}

// The plan in the making: what is there, and what it comes to.
class Planner {
 public:
  Planner(const std::vector<ModelStage>& models, const LifecycleLimits& limits,
          std::optional<std::uint64_t> available_bytes)
      : limits_(limits), known_(available_bytes.has_value()), free_(available_bytes.value_or(0)) {
    for (const auto& model : models) {
      if (model.state == State::kUnloaded) continue;
      ++held_;
      // What is being loaded has not taken its memory yet, or not all of it.
      if (model.state == State::kLoading) {
        ++loading_;
        free_ -= std::min(free_, model.bytes);
      }
      if (model.state == State::kUnloading) ++leaving_;
      if (MayLeave(model)) idle_.push_back(&model);
    }
    std::ranges::sort(idle_, {}, &ModelStage::last_used);
  }

  void UnloadOld(time::SteadyTime now) {
    if (limits_.idle_unload <= time::Duration::zero()) return;
    while (!idle_.empty() && now - idle_.front()->last_used >= limits_.idle_unload) UnloadOldest();
  }

  // False when it, and all behind it, have to wait.
  bool Load(const ModelStage& model) {
    if (loading_ >= limits_.max_loading) return false;
    if (HasRoom(model)) {
      plan_.load.push_back(model.name);
      ++loading_;
      ++held_;
      free_ -= std::min(free_, model.bytes);
      return true;
    }
    if (CanMakeRoom(model)) {
      MakeRoom(model);
      return false;
    }
    // Others that end may leave room yet.
    if (held_ > idle_.size()) return false;
    plan_.refuse.push_back(model.name);
    return true;
  }

  LifecyclePlan Take() && { return std::move(plan_); }

 private:
  bool HasRoom(const ModelStage& model) const {
    return (limits_.max_loaded == 0 || held_ < limits_.max_loaded) &&
           (!known_ || model.bytes <= free_);
  }

  void UnloadOldest() {
    plan_.unload.push_back(idle_.front()->name);
    promised_ += idle_.front()->bytes;
    ++leaving_;
    idle_.erase(idle_.begin());
  }

  bool Enough(const ModelStage& model, std::uint64_t freed, std::size_t left) const {
    return (limits_.max_loaded == 0 || held_ - left < limits_.max_loaded) &&
           (!known_ || model.bytes <= free_ + freed);
  }

  // Whether unloading is of use: models that run are not traded for one that does not fit anyway.
  bool CanMakeRoom(const ModelStage& model) const {
    std::uint64_t freed = promised_;
    for (const ModelStage* idle : idle_) freed += idle->bytes;
    return Enough(model, freed, leaving_ + idle_.size());
  }

  // Unloads no more than it takes. Whether what leaves already is enough is known when it is gone.
  void MakeRoom(const ModelStage& model) {
    if (leaving_ > 0) return;
    while (!Enough(model, promised_, leaving_)) UnloadOldest();
  }

  const LifecycleLimits& limits_;
  const bool known_;
  std::uint64_t free_;
  std::uint64_t promised_ = 0;  // what the unloaded of this plan will free
  std::size_t held_ = 0;        // in memory, coming or leaving
  std::uint32_t loading_ = 0;
  std::size_t leaving_ = 0;
  std::vector<const ModelStage*> idle_;  // the one used the longest ago first
  LifecyclePlan plan_;
};

}  // namespace

std::optional<std::string> LeastRecentlyUsed(const std::vector<ModelStage>& models) {
  const ModelStage* oldest = nullptr;
  for (const ModelStage& model : models) {
    if (!MayLeave(model)) continue;
    if (oldest == nullptr || model.last_used < oldest->last_used) oldest = &model;
  }
  if (oldest == nullptr) return std::nullopt;
  return oldest->name;
}

LifecyclePlan PlanLifecycle(const std::vector<ModelStage>& models, const LifecycleLimits& limits,
                            std::optional<std::uint64_t> available_bytes, time::SteadyTime now) {
  Planner planner(models, limits, available_bytes);
  planner.UnloadOld(now);
  std::vector<const ModelStage*> wanted;
  for (const auto& model : models) {
    if (model.state == State::kUnloaded && model.wanted_since.has_value()) wanted.push_back(&model);
  }
  std::ranges::stable_sort(wanted, {},
                           [](const ModelStage* model) { return *model->wanted_since; });
  for (const ModelStage* model : wanted) {
    if (!planner.Load(*model)) break;
  }
  return std::move(planner).Take();
}

}  // namespace chasqui::worker
