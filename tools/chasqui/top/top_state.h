// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "tools/chasqui/top/fleet_view.h"

namespace chasqui::cli {

enum class TopKey { kUp, kDown, kSort, kDrain, kYes, kQuit, kOther };

// What a key asks of the program.
struct TopCommand {
  enum class Kind { kNone, kQuit, kDrain, kUndoDrain };
  Kind kind = Kind::kNone;
  std::string worker_id;
};

// What the person at the screen has chosen. Thread-compatible.
struct TopState {
  SortBy sort = SortBy::kWorker;
  std::string selected;  // a worker's id; empty: the first
  // The drain, or its undoing, that waits for a yes.
  std::optional<TopCommand> question;
  std::string message;  // what became of the last command

  bool IsSelected(const FleetView& view, const WorkerRow& row) const {
    return selected.empty() ? &row == view.workers.data() : row.worker_id == selected;
  }
};

// Takes a key, looking at what is shown. A question is answered by `kYes` or put away by any other
// key. Pure.
TopCommand OnKey(TopKey key, const FleetView& view, TopState& state);

// "drain worker-1? y/n"; empty when nothing is asked.
std::string QuestionText(const TopState& state);

}  // namespace chasqui::cli
