// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/time/clock.h"

namespace chasqui::worker {

// One model of the catalogue, as far as it decides what is loaded and unloaded.
struct ModelStage {
  enum class State { kUnloaded, kLoading, kLoaded, kUnloading };

  std::string name;
  State state = State::kUnloaded;
  // Of the smallest file it may be loaded from; of the one in memory, when it is.
  std::uint64_t bytes = 0;
  // Since when somebody waits for it; unset: nobody does.
  std::optional<time::SteadyTime> wanted_since = std::nullopt;
  // Whether requests use it.
  bool busy = false;
  // When the last request left it, or it was loaded.
  time::SteadyTime last_used{};
};

// Limits of the life cycle; see chasqui.config.v1.LifecycleConfig.
struct LifecycleLimits {
  std::uint32_t max_loaded = 0;  // 0: as many as fit
  std::uint32_t max_loading = 1;
  time::Duration idle_unload{};  // 0: never
};

// What is to be done now, by the models' names.
struct LifecyclePlan {
  std::vector<std::string> load;
  std::vector<std::string> unload;
  // Wanted, and too large for the memory even when nothing else is in it.
  std::vector<std::string> refuse;

  bool operator==(const LifecyclePlan&) const = default;
};

// What to load and unload next. `available_bytes`: memory that can be had now, less the margin;
// unset: not known, everything fits. Those that wait are served in the order of their waiting: a
// large model that waits for room is not overtaken by small ones, or it would wait for ever. Room
// is made by unloading idle models that nobody waits for, the one that was used the longest ago
// first; what is unloaded frees its memory later, and the plan made then loads. Pure.
LifecyclePlan PlanLifecycle(const std::vector<ModelStage>& models, const LifecycleLimits& limits,
                            std::optional<std::uint64_t> available_bytes, time::SteadyTime now);

// The model to unload for another: loaded, used by nobody, wanted by nobody, and used the longest
// ago. Nothing when there is none. Pure.
std::optional<std::string> LeastRecentlyUsed(const std::vector<ModelStage>& models);

}  // namespace chasqui::worker
