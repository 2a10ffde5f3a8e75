// SPDX-License-Identifier: Apache-2.0
#include "common/redis/pool.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "tests/integration/redis/link_fixture.h"

namespace chasqui::redis {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using testing::WaitUntil;

class PoolTest : public LinkFixture {
 protected:
  ReplyOr AskPool(Pool& pool, std::uint64_t hash, std::vector<std::string> words) {
    ReplyOr answer;
    absl::Notification answered;
    pool.Send(hash, std::move(words), [&](ReplyOr reply) {
      answer = std::move(reply);
      answered.Notify();
    });
    answered.WaitForNotification();
    return answer;
  }
  bool WaitUntilAllUp(std::size_t links) {
    return WaitUntil([&] {
      return static_cast<std::size_t>(std::ranges::count_if(
                 states(), [](const absl::Status& state) { return state.ok(); })) >= links;
    });
  }
};

TEST_F(PoolTest, SendsWhatConcernsOneKeyOverOneLink) {
  Pool pool(3, [&](std::size_t) { return PatientOptions(); });
  ASSERT_TRUE(WaitUntilAllUp(3));

  std::vector<std::int64_t> ids;
  for (std::uint64_t hash = 0; hash < 3; ++hash) {
    ids.push_back(AskPool(pool, hash, {"CLIENT", "ID"})->integer);
    EXPECT_EQ(AskPool(pool, hash + 300, {"CLIENT", "ID"})->integer, ids.back());
  }

  EXPECT_NE(ids[0], ids[1]);
  EXPECT_NE(ids[1], ids[2]);
}

TEST_F(PoolTest, TakesAnotherLinkWhenOneIsDown) {
  Pool pool(2, [&](std::size_t index) {
    Link::Options options = PatientOptions();
    if (index == 0) options.address = "unix:/nowhere";
    return options;
  });
  ASSERT_TRUE(WaitUntilAllUp(1));

  for (std::uint64_t hash = 0; hash < 4; ++hash) {
    EXPECT_THAT(AskPool(pool, hash, {"PING"}), IsOk());
  }
}

TEST_F(PoolTest, IsDownWhenAllLinksAre) {
  Pool pool(2, [&](std::size_t) { return PatientOptions(); });
  ASSERT_TRUE(WaitUntilAllUp(2));
  EXPECT_TRUE(pool.up());

  server_.Kill();
  ASSERT_TRUE(WaitUntil([&] { return !pool.up(); }));

  EXPECT_THAT(AskPool(pool, 1, {"PING"}), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace chasqui::redis
