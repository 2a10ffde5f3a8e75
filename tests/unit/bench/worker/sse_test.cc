// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/sse.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::bench {
namespace {

using testing::ElementsAre;

std::vector<std::string> EventsOf(const std::vector<std::string>& pieces) {
  SseReader reader;
  std::vector<std::string> events;
  for (const std::string& piece : pieces) {
    reader.Feed(piece, [&events](std::string_view data) { events.emplace_back(data); });
  }
  return events;
}

TEST(SseReader, GivesTheDataOfEachEvent) {
  EXPECT_THAT(EventsOf({"data: {\"a\":1}\n\ndata:two\r\n\r\n: comment\n\n"}),
              ElementsAre("{\"a\":1}", "two"));
}

TEST(SseReader, JoinsThePieces) {
  EXPECT_THAT(EventsOf({"da", "ta: on", "e\n", "\ndata: two"}), ElementsAre("one"));
}

}  // namespace
}  // namespace chasqui::bench
