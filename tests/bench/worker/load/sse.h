// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace chasqui::bench {

// Finds the events of a text/event-stream in the pieces in which it arrives. Thread-compatible.
class SseReader {
 public:
  // Calls `on_event` with the data of each event that is complete by now. Events of several data
  // lines are not supported: nobody measured here sends them.
  void Feed(std::string_view piece, absl::FunctionRef<void(std::string_view data)> on_event);

  // What came and is no complete line.
  const std::string& rest() const { return rest_; }

 private:
  std::string rest_;
};

}  // namespace chasqui::bench
