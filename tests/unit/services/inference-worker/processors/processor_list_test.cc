// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/processors/processor_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"

namespace chasqui::worker {
namespace {

using absl_testing::IsOkAndHolds;
using absl_testing::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ParseProcessors, TakesNumbersAndRanges) {
  EXPECT_THAT(ParseProcessors("3"), IsOkAndHolds(ElementsAre(3)));
  EXPECT_THAT(ParseProcessors("8,0-3"), IsOkAndHolds(ElementsAre(0, 1, 2, 3, 8)));
  EXPECT_THAT(ParseProcessors(" 1 , 1-2 "), IsOkAndHolds(ElementsAre(1, 2)));
  EXPECT_THAT(ParseProcessors("1023"), IsOkAndHolds(ElementsAre(1023)));
}

TEST(ParseProcessors, SaysWhatIsWrong) {
  const auto error = [](std::string_view text) { return ParseProcessors(text).status(); };
  const auto invalid = absl::StatusCode::kInvalidArgument;

  EXPECT_THAT(error(""), StatusIs(invalid, HasSubstr("\"\" is no processor")));
  EXPECT_THAT(error("0,"), StatusIs(invalid, HasSubstr("\"\" is no processor")));
  EXPECT_THAT(error("0-x"), StatusIs(invalid, HasSubstr("\"x\" is no processor")));
  EXPECT_THAT(error("-1"), StatusIs(invalid, HasSubstr("\"\" is no processor")));
  EXPECT_THAT(error("0-1-2"), StatusIs(invalid, HasSubstr("\"1-2\" is no processor")));
  EXPECT_THAT(error("1024"), StatusIs(invalid, HasSubstr("0 to 1023")));
  EXPECT_THAT(error("99999999999999"), StatusIs(invalid, HasSubstr("0 to 1023")));
  EXPECT_THAT(error("3-1"), StatusIs(invalid, HasSubstr("\"3-1\" is no range")));
}

TEST(FormatProcessors, IsWhatParseProcessorsTakes) {
  for (const char* text : {"0", "0-3,8", "1,3,5-6", "0-1023"})
    EXPECT_EQ(FormatProcessors(*ParseProcessors(text)), text);
  EXPECT_EQ(FormatProcessors({}), "");
}

TEST(ChooseProcessors, NamesThoseThatThereAreNot) {
  const std::vector<int> allowed = {0, 1, 2, 3, 6};

  EXPECT_THAT(ChooseProcessors("1-2,6", allowed), IsOkAndHolds(ElementsAre(1, 2, 6)));
  EXPECT_THAT(ChooseProcessors("3-5,9", allowed),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("4-5,9"), HasSubstr("may use 0-3,6"))));
  EXPECT_FALSE(ChooseProcessors("x", allowed).ok());
}

TEST(AllowedProcessors, AreSortedAndAtLeastOne) {
  const std::vector<int> allowed = AllowedProcessors();

  EXPECT_FALSE(allowed.empty());
  EXPECT_TRUE(std::ranges::is_sorted(allowed));
}

}  // namespace
}  // namespace chasqui::worker
