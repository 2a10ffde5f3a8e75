// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/text/text_assembler.h"

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

TEST(TextAssembler, GivesEachTokenWithItsText) {
  TextAssembler assembler({}, false);

  assembler.Append(1, "a");
  EXPECT_EQ(assembler.Take(), (TextPiece{"a", {1}}));
  assembler.Append(2, "b");
  EXPECT_EQ(assembler.Take(), (TextPiece{"b", {2}}));
  EXPECT_EQ(assembler.Take(), std::nullopt);
}

TEST(TextAssembler, HoldsTokensUntilTheirCharacterIsWhole) {
  TextAssembler assembler({}, false);

  assembler.Append(1, "\xC3");
  EXPECT_EQ(assembler.Take(), std::nullopt);
  assembler.Append(2, "\xA9");

  EXPECT_EQ(assembler.Take(), (TextPiece{"\xC3\xA9", {1, 2}}));
}

TEST(TextAssembler, LetsTokensWithoutTextRideWithTheNextPiece) {
  TextAssembler assembler({}, false);

  assembler.Append(1, "");
  EXPECT_EQ(assembler.Take(), std::nullopt);
  assembler.Append(2, "x");

  EXPECT_EQ(assembler.Take(), (TextPiece{"x", {1, 2}}));
}

TEST(TextAssembler, LeavesTheStopStringOut) {
  TextAssembler assembler({"END"}, false);

  assembler.Append(1, "one E");
  EXPECT_EQ(assembler.Take(), (TextPiece{"one ", {1}}));
  assembler.Append(2, "ND more");
  assembler.Finish();

  EXPECT_EQ(assembler.stop_string(), "END");
  EXPECT_EQ(assembler.Take(), (TextPiece{"", {2}}));
}

TEST(TextAssembler, IncludesTheStopStringWhenAsked) {
  TextAssembler assembler({"END"}, true);

  assembler.Append(1, "one END more");
  assembler.Finish();

  EXPECT_EQ(assembler.Take(), (TextPiece{"one END", {1}}));
}

TEST(TextAssembler, ReleasesWhatIsHeldWhenNoStopCame) {
  TextAssembler assembler({"END"}, false);

  assembler.Append(1, "EN");
  EXPECT_EQ(assembler.Take(), std::nullopt);
  assembler.Finish();

  EXPECT_EQ(assembler.Take(), (TextPiece{"EN", {1}}));
}

TEST(TextAssembler, ReplacesACharacterCutOffAtTheEnd) {
  TextAssembler assembler({}, false);

  assembler.Append(1, "a\xE2\x82");
  assembler.Finish();

  EXPECT_EQ(assembler.Take(), (TextPiece{"a\xEF\xBF\xBD", {1}}));
}

TEST(TextAssembler, GivesTokensLeftOverAtTheEndWithoutText) {
  TextAssembler assembler({}, false);

  assembler.Append(7, "");
  assembler.Finish();

  EXPECT_EQ(assembler.Take(), (TextPiece{"", {7}}));
  EXPECT_EQ(assembler.Take(), std::nullopt);
}

}  // namespace
}  // namespace chasqui::worker
