// SPDX-License-Identifier: Apache-2.0
#include "common/redis/reply.h"

#include <memory>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include "absl/status/status_matchers.h"

namespace chasqui::redis {
namespace {

using absl_testing::IsOkAndHolds;
using absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What hiredis makes of what a server sends.
ReplyOr Read(std::string_view wire) {
  const std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader(redisReaderCreate(),
                                                                        redisReaderFree);
  void* reply = nullptr;
  redisReaderFeed(reader.get(), wire.data(), wire.size());
  EXPECT_EQ(redisReaderGetReply(reader.get(), &reply), REDIS_OK) << reader->errstr;
  const std::unique_ptr<void, decltype(&freeReplyObject)> owned(reply, freeReplyObject);
  return ToReply(static_cast<const redisReply*>(reply));
}

TEST(Reply, HasTheKindThatTheServerGaveIt) {
  EXPECT_TRUE(Read("$-1\r\n")->nil());
  EXPECT_TRUE(Read("_\r\n")->nil());
  EXPECT_EQ(Read(":-7\r\n")->integer, -7);
  EXPECT_EQ(Read("+OK\r\n")->kind, Reply::Kind::kStatus);
  EXPECT_EQ(Read("+OK\r\n")->text, "OK");
  EXPECT_TRUE(Read("$0\r\n\r\n")->is_text());
}

TEST(Reply, KeepsAnyBytes) {
  using namespace std::string_literals;
  EXPECT_EQ(Read("$6\r\na\0\r\n\xff\x80\r\n"s)->text, "a\0\r\n\xff\x80"s);
}

TEST(Reply, HasTheElementsOfArraysAndTheKeysAndValuesOfMaps) {
  const ReplyOr array = Read("*2\r\n*1\r\n:1\r\n$1\r\nx\r\n");
  ASSERT_TRUE(array.ok());
  ASSERT_EQ(array->elements.size(), 2);
  EXPECT_EQ(array->elements[0].elements[0].integer, 1);
  EXPECT_EQ(array->elements[1].text, "x");

  const ReplyOr map = Read("%1\r\n+key\r\n:5\r\n");
  ASSERT_TRUE(map.ok() && map->is_array());
  EXPECT_EQ(map->elements[0].text, "key");
  EXPECT_EQ(map->elements[1].integer, 5);
}

TEST(Reply, TellsErrorsByWhatTheCallerShouldDo) {
  EXPECT_THAT(ToReply(nullptr), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Read("-NOSCRIPT none\r\n"), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Read("-WRONGTYPE no\r\n"),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("WRONGTYPE")));
  EXPECT_THAT(Read("*2\r\n:1\r\n-ERR in it\r\n"), StatusIs(absl::StatusCode::kInternal));
}

TEST(Reply, IsAnErrorWhenItIsNestedTooDeeply) {
  std::string wire = ":1\r\n";
  for (int i = 0; i < 8; ++i) wire.insert(0, "*1\r\n");
  EXPECT_TRUE(Read(wire).ok());

  wire.insert(0, "*1\r\n");
  EXPECT_THAT(Read(wire), StatusIs(absl::StatusCode::kInternal, HasSubstr("deep")));
}

TEST(Integers, AreThoseOfAnArrayOrOneAlone) {
  EXPECT_THAT(Integers(Read("*2\r\n:1\r\n:2\r\n")), IsOkAndHolds(ElementsAre(1, 2)));
  EXPECT_THAT(Integers(Read(":3\r\n")), IsOkAndHolds(ElementsAre(3)));
  EXPECT_THAT(Integers(Read("+OK\r\n")), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(Integers(Read("*2\r\n:1\r\n$1\r\n2\r\n")), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(Integers(Read("$1\r\n2\r\n")), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(Integers(ToReply(nullptr)), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace chasqui::redis
