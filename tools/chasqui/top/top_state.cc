// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/top/top_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace chasqui::cli {
namespace {

using Rows = std::vector<WorkerRow>;

Rows::const_iterator Selected(const FleetView& view, const TopState& state) {
  const auto row = std::ranges::find(view.workers, state.selected, &WorkerRow::worker_id);
  return row == view.workers.end() ? view.workers.begin() : row;
}

// To the next other worker in that direction; it may have several rows.
void Move(bool down, const FleetView& view, TopState& state) {
  auto row = Selected(view, state);
  const std::string id = row->worker_id;
  const auto other = [&](const WorkerRow& candidate) { return candidate.worker_id != id; };
  if (down) {
    row = std::find_if(row, view.workers.end(), other);
    state.selected = row == view.workers.end() ? id : row->worker_id;
  } else {
    const auto above = std::find_if(std::make_reverse_iterator(row), view.workers.rend(), other);
    state.selected = above == view.workers.rend() ? id : above->worker_id;
  }
}

}  // namespace

TopCommand OnKey(TopKey key, const FleetView& view, TopState& state) {
  if (std::optional<TopCommand> question = std::exchange(state.question, std::nullopt)) {
    return key == TopKey::kYes ? *std::move(question) : TopCommand();
  }
  if (key == TopKey::kQuit) return {.kind = TopCommand::Kind::kQuit, .worker_id = {}};
  if (key == TopKey::kSort) state.sort = NextSort(state.sort);
  if (view.workers.empty()) return {};
  if (key == TopKey::kUp || key == TopKey::kDown) Move(key == TopKey::kDown, view, state);
  if (key == TopKey::kDrain) {
    const WorkerRow& row = *Selected(view, state);
    state.selected = row.worker_id;
    state.message.clear();
    state.question = {
        .kind = row.state == "DRAINING" ? TopCommand::Kind::kUndoDrain : TopCommand::Kind::kDrain,
        .worker_id = row.worker_id};
  }
  return {};
}

std::string QuestionText(const TopState& state) {
  if (!state.question.has_value()) return "";
  return absl::StrCat(
      state.question->kind == TopCommand::Kind::kDrain ? "drain " : "let take requests again: ",
      state.question->worker_id, "? y/n");
}

}  // namespace chasqui::cli
