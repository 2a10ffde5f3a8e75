// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/top/top_screen.h"

#include <string>
#include <vector>

#include <ftxui/screen/screen.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace chasqui::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// What a screen of that size shows, without colours and trailing blanks.
std::vector<std::string> Shown(const FleetView& view, const TopState& state, int width,
                               int height) {
  ftxui::Screen screen(width, height);
  ftxui::Render(screen, TopElement(view, state));
  std::vector<std::string> lines;
  for (int y = 0; y < height; ++y) {
    std::string line;
    for (int x = 0; x < width; ++x) line += screen.PixelAt(x, y).character;
    lines.emplace_back(absl::StripTrailingAsciiWhitespace(line));
  }
  return lines;
}

FleetView View(int workers) {
  FleetView view{.router_id = "r1", .time = "now", .workers = {}, .queues = {}, .totals = {}};
  for (int i = 1; i <= workers; ++i) {
    view.workers.push_back({.worker_id = absl::StrCat("w", i),
                            .state = "READY",
                            .model = "tiny",
                            .running = 2,
                            .active = 3,
                            .slots = 4,
                            .kv = 0.25,
                            .tokens_per_second = 1234,
                            .memory_bytes = 1 << 20,
                            .temperature = 61.6,
                            .utilization = 0.5});
  }
  view.queues = {{.model = "tiny", .waiting = 5, .oldest_ms = 250, .running = 7, .refused = 0}};
  view.totals = {
      .workers = 2, .ready = 1, .active = 3, .slots = 8, .waiting = 5, .tokens_per_second = 1234};
  return view;
}

TEST(TopScreen, ShowsWorkersQueuesAndTotals) {
  EXPECT_THAT(Shown(View(1), {.message = "hello"}, 80, 12),
              ElementsAre("chasqui  router r1  now  by worker",
                          "workers 1/2 ready  slots 3/8 busy  waiting 5  tokens/s 1.2k", "",
                          "WORKER  STATE  MODEL  RUN  SLOTS  TOK/S   KV   MEMORY  TEMP  UTIL",
                          "w1      READY  tiny     2    3/4   1.2k  25%  1.0 MiB  62 C   50%", "",
                          "QUEUE OF  WAITING  OLDEST  RUNNING  REFUSED",
                          "tiny            5  250 ms        7        0", "", "", "hello",
                          "q quit  s sort  d drain  up/down select"));
}

TEST(TopScreen, AsksBeforeItDrains) {
  const FleetView view = View(1);
  TopState state;
  OnKey(TopKey::kDrain, view, state);

  EXPECT_EQ(Shown(view, state, 80, 12).at(10), "drain w1? y/n");
}

TEST(TopScreen, KeepsTheSelectedWorkerInSight) {
  const FleetView view = View(30);

  const std::vector<std::string> lines = Shown(view, {.selected = "w30"}, 80, 16);

  std::string all;
  for (const std::string& line : lines) absl::StrAppend(&all, line, "\n");
  EXPECT_THAT(all, HasSubstr("w30 "));
  EXPECT_THAT(all, Not(HasSubstr("w1 ")));
  EXPECT_THAT(all, HasSubstr("q quit"));
}

TEST(TopScreen, IsTextWhereThereIsNoTerminal) {
  const std::string text = TopText(View(2));

  EXPECT_THAT(text, HasSubstr("router r1  now\nworkers 1/2 ready"));
  EXPECT_THAT(text, HasSubstr("\nw2 "));
  EXPECT_THAT(text, HasSubstr("\n\nQUEUE OF"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace chasqui::cli
