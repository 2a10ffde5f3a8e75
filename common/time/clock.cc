// SPDX-License-Identifier: Apache-2.0
#include "common/time/clock.h"

namespace chasqui::time {
namespace {

class MachineClock final : public Clock {
 public:
  SteadyTime SteadyNow() const override { return std::chrono::steady_clock::now(); }
  SystemTime SystemNow() const override { return std::chrono::system_clock::now(); }
};

}  // namespace

const Clock& RealClock() {
  static constinit const MachineClock clock;
  return clock;
}

SteadyTime SteadyNow() { return std::chrono::steady_clock::now(); }

}  // namespace chasqui::time
