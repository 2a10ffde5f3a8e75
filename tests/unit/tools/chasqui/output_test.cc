// SPDX-License-Identifier: Apache-2.0
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status.h"
#include "common/status/status.h"
#include "tools/chasqui/client/exit_code.h"
#include "tools/chasqui/client/rpc_error.h"
#include "tools/chasqui/output/answer_printer.h"
#include "tools/chasqui/output/json.h"
#include "tools/chasqui/output/progress_bar.h"
#include "tools/chasqui/output/table.h"

namespace chasqui::cli {
namespace {

using chasqui::inference::v1::StreamGenerateResponse;

TEST(ErrorLine, SaysNothingTwice) {
  const absl::Status error = status::InvalidArgument("stop.max_tokens", "must be 1 to 10");

  const std::string line = ErrorLine(error);

  EXPECT_THAT(line, testing::HasSubstr("must be 1 to 10"));
  EXPECT_EQ(line.find("must be 1 to 10"), line.rfind("must be 1 to 10"));
}

TEST(ErrorLine, IsOneLine) {
  EXPECT_EQ(ErrorLine(absl::InternalError("a\nb")), "a b (INTERNAL)");
  EXPECT_EQ(ErrorLine(absl::CancelledError()), "(CANCELLED)");
}

TEST(ErrorLine, LeavesOfAFailedConnectionWhatHelps) {
  const absl::Status error = absl::UnavailableError(
      "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: refused");

  EXPECT_THAT(ErrorLine(error), testing::StartsWith("cannot connect: ipv4:127.0.0.1:1: refused;"));
}

TEST(ExitCode, IsKeptByAnErrorThatWasShown) {
  const absl::Status shown = MarkShown(absl::UnavailableError("x"));

  EXPECT_TRUE(IsShown(shown));
  EXPECT_EQ(ExitCode(shown), kUnavailable);
  EXPECT_TRUE(MarkShown(absl::OkStatus()).ok());
}

TEST(Table, AlignsNumbersToTheRightAndTheRestToTheLeft) {
  Table table({"NAME", "N"});
  table.Add({"a", "5"});
  table.Add({"long", "10"});

  EXPECT_EQ(table.Text(), "NAME   N\na      5\nlong  10\n");
}

TEST(Table, OfNoRowsIsItsHeading) { EXPECT_EQ(Table({"NAME", "N"}).Text(), "NAME  N\n"); }

TEST(BytesText, KeepsNumbersShort) {
  EXPECT_EQ(BytesText(1023), "1023 B");
  EXPECT_EQ(BytesText(3972576), "3.8 MiB");
  EXPECT_EQ(CountText(3672320), "3.7M");
}

TEST(QuoteBytes, EscapesWhatIsNoUtf8) {
  EXPECT_EQ(QuoteBytes("ä\n\""), R"("ä\n\"")");
  EXPECT_EQ(QuoteBytes("\xc3"), R"("\303")");
}

TEST(AnswerPrinter, RefusesAGapAndAnAnswerThatDoesNotFinish) {
  std::ostringstream out;
  std::ostringstream notes;
  AnswerPrinter printer(out, notes, {});
  StreamGenerateResponse event;
  event.mutable_chunk()->set_text("hi");

  EXPECT_TRUE(printer.Print(event).ok());
  EXPECT_TRUE(absl::IsDataLoss(printer.Print(event)));  // number 0 again
  EXPECT_TRUE(absl::IsDataLoss(printer.End(absl::OkStatus())));
  EXPECT_TRUE(absl::IsUnavailable(printer.End(absl::UnavailableError(""))));
}

TEST(ProgressBar, IsALineForEachStageAndTenth) {
  std::ostringstream out;
  ProgressBar bar(out, ProgressBar::Style::kLines);

  for (const double fraction : {0.0, 0.04, 0.11, 0.19, 1.5}) bar.Show("reading", fraction, "x");
  bar.Show("warming up", 0.5);
  bar.Done();

  EXPECT_EQ(out.str(), "reading 0%\nreading 10%\nreading 100%\nwarming up 50%\n");
}

TEST(ProgressBar, IsDrawnAgainInPlace) {
  std::ostringstream out;
  ProgressBar bar(out, ProgressBar::Style::kBar);

  bar.Show("reading", 0.25, "3.8 MiB");
  const std::string first = out.str();
  bar.Show("reading", 0.25, "3.8 MiB");
  EXPECT_EQ(out.str(), first);
  bar.Show("reading", 0.5, "3.8 MiB");
  bar.Done();

  EXPECT_THAT(first, testing::AllOf(testing::HasSubstr("reading"), testing::HasSubstr("25%")));
  EXPECT_THAT(out.str().substr(first.size()),
              testing::AllOf(testing::HasSubstr("50%"), testing::EndsWith("\n")));
}

TEST(ProgressBar, SaysNothingBesideJson) {
  std::ostringstream out;
  ProgressBar(out, ProgressBar::Style::kNone).Show("reading", 0.5);

  EXPECT_EQ(out.str(), "");
}

TEST(FromJson, NamesTheFileAndTheMistake) {
  StreamGenerateResponse event;

  const absl::Status status = FromJson("{\"nope\": 1}", "request.json", event);

  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(status.message(),
              testing::AllOf(testing::HasSubstr("request.json"), testing::HasSubstr("nope")));
}

}  // namespace
}  // namespace chasqui::cli
