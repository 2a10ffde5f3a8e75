// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/text/stop_matcher.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

struct Outcome {
  std::string text;
  int stop = -1;
};

Outcome MatchAll(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopMatcher matcher(stops);
  Outcome outcome;
  for (const auto& piece : pieces) {
    if (const auto stop = matcher.Push(piece, outcome.text)) {
      outcome.stop = static_cast<int>(*stop);
      return outcome;
    }
  }
  matcher.Finish(outcome.text);
  return outcome;
}

struct Case {
  std::string name;
  std::vector<std::string> stops;
  std::vector<std::string> pieces;
  std::string text;
  int stop;
};

class StopMatcherCases : public testing::TestWithParam<Case> {};

TEST_P(StopMatcherCases, ReleasesWhatComesBeforeTheStop) {
  const auto outcome = MatchAll(GetParam().stops, GetParam().pieces);

  EXPECT_EQ(outcome.text, GetParam().text);
  EXPECT_EQ(outcome.stop, GetParam().stop);
}

INSTANTIATE_TEST_SUITE_P(
    Table, StopMatcherCases,
    testing::Values(Case{"none", {}, {"a", "b"}, "ab", -1},
                    Case{"absent", {"zz"}, {"a", "b"}, "ab", -1},
                    Case{"at_once", {"ab"}, {"ab"}, "", 0},
                    Case{"within_a_piece", {"END"}, {"one END two"}, "one ", 0},
                    Case{"over_pieces", {"END"}, {"one E", "N", "D two"}, "one ", 0},
                    Case{"false_start", {"END"}, {"E", "NE", "NX"}, "ENENX", -1},
                    Case{"own_overlap", {"aab"}, {"aaa", "ab"}, "aa", 0},
                    Case{"held_to_the_end", {"END"}, {"text EN"}, "text EN", -1},
                    Case{"first_complete_wins", {"abcd", "bc"}, {"xabcd"}, "xa", 1},
                    Case{"longer_wins_a_tie", {"b", "ab"}, {"xab"}, "x", 1},
                    Case{"bytes_of_a_character", {"\xC3\xA9"}, {"caf\xC3", "\xA9!"}, "caf", 0}),
    [](const auto& test) { return test.param.name; });

TEST(StopMatcher, NeverReleasesTheBeginningOfAStop) {
  StopMatcher matcher({"<|end|>"});
  std::string text;

  for (const char* piece : {"done ", "<", "|", "end", "|"}) {
    EXPECT_FALSE(matcher.Push(piece, text));
    EXPECT_EQ(text, "done ");
  }

  EXPECT_TRUE(matcher.Push(">", text));
  EXPECT_EQ(text, "done ");
}

// Against the definition: the first byte at which the text so far ends in one of the stops.
TEST(StopMatcher, AgreesWithTheDefinitionOnRandomTexts) {
  std::mt19937 random(7);
  const auto text = [&](std::size_t length) {
    std::string s;
    while (s.size() < length) s.push_back(static_cast<char>('a' + random() % 2));
    return s;
  };
  for (int round = 0; round < 2000; ++round) {
    const std::vector<std::string> stops = {text(1 + random() % 6), text(1 + random() % 6)};
    const std::string all = text(random() % 24);
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t length = 1 + random() % 4;
      pieces.push_back(all.substr(at, length));
      at += length;
    }

    std::string expected = all;
    for (std::size_t end = 1; end <= all.size() && expected == all; ++end) {
      const std::string_view seen = std::string_view(all).substr(0, end);
      std::size_t longest = 0;
      for (const auto& stop : stops) {
        if (seen.ends_with(stop)) longest = std::max(longest, stop.size());
      }
      if (longest > 0) {
        expected = all.substr(0, end - longest);
        break;
      }
    }

    EXPECT_EQ(MatchAll(stops, pieces).text, expected)
        << all << " / " << stops[0] << " " << stops[1];
  }
}

}  // namespace
}  // namespace chasqui::worker
