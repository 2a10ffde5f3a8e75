// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/generate/event_hub.h"

#include <cstddef>
#include <utility>

namespace chasqui::worker {
namespace {

// A tag is the loop's index and a number.
constexpr int kLoopShift = 56;

std::size_t LoopOf(std::uint64_t tag) { return tag >> kLoopShift; }

}  // namespace

EventHub::EventHub(std::vector<rpc::Loop*> loops) {
  for (rpc::Loop* loop : loops) loops_.push_back({.loop = loop, .next = 0, .waiters = {}});
}

EventHub::Waiter::Waiter(EventHub& hub, rpc::Loop& loop)
    : hub_(hub),
      loop_(loop.index()),
      tag_((static_cast<std::uint64_t>(loop_) << kLoopShift) |
           ++hub.loops_[static_cast<std::size_t>(loop_)].next) {
  hub_.loops_[static_cast<std::size_t>(loop_)].waiters.emplace(tag_, this);
}

EventHub::Waiter::~Waiter() { hub_.loops_[static_cast<std::size_t>(loop_)].waiters.erase(tag_); }

concurrency::Task<void> EventHub::Waiter::Event() {
  co_await shot_;
  shot_.Reset();
}

void EventHub::Notify(const std::vector<std::uint64_t>& tags) {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    std::vector<std::uint64_t> own;
    for (const std::uint64_t tag : tags) {
      if (LoopOf(tag) == i) own.push_back(tag);
    }
    if (own.empty()) continue;
    LoopWaiters& target = loops_[i];
    target.loop->Post([&target, own = std::move(own)] {
      for (const std::uint64_t tag : own) {
        const auto waiter = target.waiters.find(tag);
        if (waiter != target.waiters.end()) waiter->second->Wake();
      }
    });
  }
}

}  // namespace chasqui::worker
