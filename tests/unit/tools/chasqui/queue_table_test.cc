// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/output/queue_table.h"

#include <string>

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace chasqui::cli {
namespace {

using ::testing::ContainsRegex;

std::string Position(const std::string& text) {
  chasqui::inference::v1::GetQueuePositionResponse position;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &position));
  return PositionText(position);
}

TEST(QueueTable, HasALineForEachModel) {
  chasqui::fleet::v1::WatchFleetResponse snapshot;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "queues { model: 'tiny' queued: 3 running: 4 queued_tokens: 2500 refused_total: 5"
      " displaced_total: 2 deadline_refused_total: 1 oldest_wait { seconds: 1 }"
      " priorities { priority: PRIORITY_HIGH queued: 2 } priorities { priority: PRIORITY_LOW"
      " queued: 1 } } queues { model: 'huge' waits_for_worker: true }",
      &snapshot));

  const std::string text = QueuesText(snapshot.queues());

  EXPECT_THAT(text, ContainsRegex("tiny +4 +3 +2 +0 +1 +2.5k +1000 ms +5 +2 +1 +-"));
  EXPECT_THAT(text, ContainsRegex("huge .* awaited"));
}

TEST(QueueTable, SaysWhereARequestStands) {
  EXPECT_EQ(Position("state: QUEUE_STATE_RUNNING"), "running\n");
  EXPECT_EQ(Position("state: QUEUE_STATE_WAITING position: 3 tokens_ahead: 900"),
            "waiting: number 3, 900 tokens before it\n");
  EXPECT_EQ(Position("state: QUEUE_STATE_WAITING position: 1 estimated_wait { seconds: 2 }"),
            "waiting: number 1, 0 tokens before it, a slot in about 2000 ms\n");
  EXPECT_THAT(Position("state: QUEUE_STATE_UNKNOWN"), ::testing::StartsWith("unknown"));
}

}  // namespace
}  // namespace chasqui::cli
