// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/top/top_state.h"

#include <gtest/gtest.h>

namespace chasqui::cli {
namespace {

using Kind = TopCommand::Kind;

// w1 with two models, w2 that drains, w3.
FleetView View() {
  FleetView view;
  for (const char* id : {"w1", "w1", "w2", "w3"}) {
    view.workers.push_back({.worker_id = id, .state = "READY", .model = ""});
  }
  view.workers[2].state = "DRAINING";
  return view;
}

TEST(TopState, MovesFromWorkerToWorker) {
  const FleetView view = View();
  TopState state;
  EXPECT_TRUE(state.IsSelected(view, view.workers[0]));

  OnKey(TopKey::kDown, view, state);
  EXPECT_EQ(state.selected, "w2");
  OnKey(TopKey::kDown, view, state);
  OnKey(TopKey::kDown, view, state);
  EXPECT_EQ(state.selected, "w3") << "the last one stays";
  OnKey(TopKey::kUp, view, state);
  OnKey(TopKey::kUp, view, state);
  OnKey(TopKey::kUp, view, state);
  EXPECT_EQ(state.selected, "w1");
  EXPECT_TRUE(state.IsSelected(view, view.workers[1]));
}

TEST(TopState, DrainsAfterAYes) {
  const FleetView view = View();
  TopState state;

  EXPECT_EQ(OnKey(TopKey::kDrain, view, state).kind, Kind::kNone);
  EXPECT_EQ(QuestionText(state), "drain w1? y/n");
  const TopCommand command = OnKey(TopKey::kYes, view, state);

  EXPECT_EQ(command.kind, Kind::kDrain);
  EXPECT_EQ(command.worker_id, "w1");
  EXPECT_EQ(QuestionText(state), "");
}

TEST(TopState, PutsAQuestionAwayByAnyOtherKey) {
  const FleetView view = View();
  for (const TopKey key : {TopKey::kOther, TopKey::kQuit, TopKey::kDrain, TopKey::kDown}) {
    TopState state;
    OnKey(TopKey::kDrain, view, state);
    EXPECT_EQ(OnKey(key, view, state).kind, Kind::kNone);
    EXPECT_EQ(OnKey(TopKey::kYes, view, state).kind, Kind::kNone);
  }
}

TEST(TopState, UndoesTheDrainOfOneThatDrains) {
  const FleetView view = View();
  TopState state{.selected = "w2", .question = {}, .message = {}};

  OnKey(TopKey::kDrain, view, state);

  EXPECT_EQ(QuestionText(state), "let take requests again: w2? y/n");
  EXPECT_EQ(OnKey(TopKey::kYes, view, state).kind, Kind::kUndoDrain);
}

TEST(TopState, StaysWithAWorkerThatMovesAndForgetsOneThatLeft) {
  FleetView view = View();
  TopState state{.selected = "w3", .question = {}, .message = {}};
  std::swap(view.workers[0], view.workers[3]);
  OnKey(TopKey::kDrain, view, state);
  EXPECT_EQ(state.question->worker_id, "w3");

  state = {.selected = "gone", .question = {}, .message = {}};
  OnKey(TopKey::kDrain, view, state);
  EXPECT_EQ(state.question->worker_id, "w3") << "the first row";
}

TEST(TopState, SortsAndQuits) {
  TopState state;
  OnKey(TopKey::kSort, {}, state);
  EXPECT_EQ(state.sort, SortBy::kLoad);
  EXPECT_EQ(OnKey(TopKey::kDrain, {}, state).kind, Kind::kNone) << "there is nobody";
  EXPECT_EQ(OnKey(TopKey::kUp, {}, state).kind, Kind::kNone);
  EXPECT_EQ(OnKey(TopKey::kQuit, {}, state).kind, Kind::kQuit);
}

}  // namespace
}  // namespace chasqui::cli
