// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/time/clock.h"

namespace chasqui::mock_worker {

// Makes the unpaced streams of a loop pause together. A completion queue that always has something
// done does not look at its sockets; where the readers' windows have no end (nginx's have not),
// streams that never pause, or never at the same time, would keep the loop from ever reading what
// they are told: that they are cancelled, for one. Owned by the worker. Confined to its loop.
class Breath {
 public:
  // To be asked before each unpaced message: until when to wait first, if at all.
  std::optional<time::SteadyTime> Before(time::SteadyTime now) {
    if (now < until_) return until_;
    if (++messages_ < kMessages) return std::nullopt;
    messages_ = 0;
    until_ = now + kPause;
    return until_;
  }

 private:
  static constexpr uint32_t kMessages = 4096;
  static constexpr std::chrono::milliseconds kPause{1};

  uint32_t messages_ = 0;  // since the last pause
  time::SteadyTime until_;
};

}  // namespace chasqui::mock_worker
