// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chasqui/fleet/v1/load.pb.h"

namespace chasqui::mock_worker {

// The slots of a mock worker: who is in them, and whether it takes more. Owned by the worker.
// Confined to its loop.
class WorkerLoad {
 public:
  // A request's place; leaves when destroyed.
  class [[nodiscard]] Slot {
   public:
    Slot(Slot&& other) noexcept
        : load_(std::exchange(other.load_, nullptr)), router_(std::move(other.router_)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (load_ != nullptr) load_->Leave(router_);
    }

   private:
    friend class WorkerLoad;
    Slot(WorkerLoad& load, std::string router) : load_(&load), router_(std::move(router)) {}
    WorkerLoad* load_;
    std::string router_;
  };

  WorkerLoad(std::string model, uint32_t slots) : model_(std::move(model)), slots_(slots) {}
  WorkerLoad(const WorkerLoad&) = delete;
  WorkerLoad& operator=(const WorkerLoad&) = delete;

  // Nothing when all slots are taken. `router`: who sent the request, "" when it did not say.
  std::optional<Slot> Enter(std::string_view router);

  void CountToken() { ++generated_tokens_; }

  std::uint32_t active() const { return active_; }
  bool draining() const { return draining_; }
  void SetDraining(bool draining);

  // What a router is told.
  fleet::v1::LoadReport Report(const std::string& router) const;

  // Calls `listener` at each change, for as long as this lives.
  void AddListener(std::function<void()> listener) { listeners_.push_back(std::move(listener)); }

 private:
  void Leave(const std::string& router);
  void Changed() const;

  const std::string model_;
  const uint32_t slots_;
  uint32_t active_ = 0;
  bool draining_ = false;
  uint64_t requests_ = 0;
  uint64_t generated_tokens_ = 0;
  std::map<std::string, uint32_t, std::less<>> active_by_router_;
  std::vector<std::function<void()>> listeners_;
};

}  // namespace chasqui::mock_worker
