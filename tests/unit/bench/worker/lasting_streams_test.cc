// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/lasting_streams.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/bench/worker/load/streams.h"
#include "tests/unit/bench/worker/fake_stream_client.h"

namespace chasqui::bench {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

TEST(LastingStreams, AreFollowedByOthersUntilTheyMayEnd) {
  FakeStreamClient client;
  LastingStreams lasting(client, [] { return StreamRequest{{1, 2, 3}, 10}; });
  Streams beside(client);

  lasting.Start(2, 4, time::SteadyNow(), [&](time::SteadyTime now) {
    beside.Start({{1}, 35}, now,
                 {.on_end = [&](const absl::Status&, time::SteadyTime) { lasting.LetEnd(); }});
  });
  client.Run();

  EXPECT_TRUE(lasting.Check().ok()) << lasting.Check();
  EXPECT_THAT(lasting.logs(), SizeIs(8));  // two at a time, four after each other
  EXPECT_EQ(client.most_running(), 3U);
}

TEST(LastingStreams, AreUnderWayOnceWhenEachHasItsTokens) {
  FakeStreamClient client;
  LastingStreams lasting(client, [] { return StreamRequest{{1}, 10}; });
  std::vector<size_t> tokens;

  lasting.Start(2, 5, time::SteadyNow(), [&](time::SteadyTime) {
    for (const StreamLog& log : lasting.logs()) tokens.push_back(log.tokens());
    lasting.LetEnd();
  });
  client.Run();

  EXPECT_THAT(tokens, ElementsAre(5, 5));
}

}  // namespace
}  // namespace chasqui::bench
