// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/generation_log.h"

#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"

namespace chasqui::cache {
namespace {

using absl_testing::StatusIs;
using redis::Reply;
using ::testing::ElementsAre;
using ::testing::Pair;

Reply Text(std::string text) { return {.kind = Reply::Kind::kText, .text = std::move(text)}; }
Reply Integer(std::int64_t number) { return {.kind = Reply::Kind::kInteger, .integer = number}; }
Reply Array(std::vector<Reply> elements) {
  return {.kind = Reply::Kind::kArray, .elements = std::move(elements)};
}

TEST(GenerationLog, TellsWhereItEnds) {
  const auto answer = ReadLookAnswer(Array({Text("00ff 12"), Integer(3)}));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->end, (LogPosition{.epoch = "00ff", .position = 12}));
  EXPECT_EQ(answer->listeners, 3);
}

TEST(GenerationLog, TellsItsPagesWithoutItsEnd) {
  const std::uint64_t greatest = std::numeric_limits<std::uint64_t>::max();
  const auto page =
      ReadPage(Array({Text("17"), Array({Text("end"), Text("00ff 12"), Text("tag:a b"),
                                         Text(absl::StrCat("3 ", greatest))})}));
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->next, "17");
  EXPECT_THAT(page->entries, ElementsAre(Pair("tag:a b", Generation{.value = greatest})));
}

TEST(GenerationLog, TellsWhatBecameOfAWrite) {
  using Outcome = WriteAnswer::Outcome;
  const auto outcome = [](std::int64_t code) {
    return ReadWriteAnswer(Array({Integer(code), Integer(2)}))->outcome;
  };
  EXPECT_EQ(outcome(1), Outcome::kWritten);
  EXPECT_EQ(outcome(0), Outcome::kOvertaken);
  EXPECT_EQ(outcome(-1), Outcome::kLost);
}

TEST(GenerationLog, RefusesAnswersOfAnotherForm) {
  for (const Reply& reply : {Reply(), Integer(1), Array({}), Array({Text("x"), Text("y")}),
                             Array({Text("0"), Array({Text("tag:a"), Text("no number")})})}) {
    EXPECT_THAT(ReadLookAnswer(reply), StatusIs(absl::StatusCode::kInternal));
    EXPECT_THAT(ReadPage(reply), StatusIs(absl::StatusCode::kInternal));
    EXPECT_THAT(ReadWriteAnswer(reply), StatusIs(absl::StatusCode::kInternal));
  }
}

TEST(GenerationLog, NoticesAreReadAsTheyWereWritten) {
  v1::GenerationNotice notice;
  notice.set_sender("me");
  notice.set_number(7);
  notice.set_all_others_forgotten(true);
  SetEntries(std::vector{Generations::Entry("everything", {.value = 5, .unshared = true})}, notice);

  const auto heard = ReadNotice(absl::StrCat("00ff 13 ", notice.SerializeAsString()));

  ASSERT_TRUE(heard.ok());
  EXPECT_EQ(heard->at, (LogPosition{.epoch = "00ff", .position = 13}));
  EXPECT_EQ(heard->notice.sender(), "me");
  EXPECT_EQ(heard->notice.number(), 7);
  EXPECT_TRUE(heard->notice.all_others_forgotten());
  EXPECT_THAT(EntriesOf(heard->notice, false),
              ElementsAre(Pair("everything", Generation{.value = 5})));
  EXPECT_THAT(EntriesOf(heard->notice, true),
              ElementsAre(Pair("everything", Generation{.value = 5, .unshared = true})));
}

TEST(GenerationLog, NoticesOfOthersAreRefused) {
  for (const char* message : {"", "hello", "00ff x", "00ff 1 \xff\xff\xff"}) {
    EXPECT_THAT(ReadNotice(message), StatusIs(absl::StatusCode::kInvalidArgument)) << message;
  }
}

}  // namespace
}  // namespace chasqui::cache
