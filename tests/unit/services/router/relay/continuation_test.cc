// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/continuation.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "common/rpc/message.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using inference::v1::GenerateRequest;
using inference::v1::StreamGenerateResponse;
using ::testing::ElementsAre;

class ContinuationTest : public ::testing::Test {
 protected:
  ContinuationTest() {
    request_.set_prompt("hello");
    request_.mutable_sampling()->set_temperature(0.5);
    StreamGenerateResponse started;
    started.mutable_started()->set_model_fingerprint("weights");
    started.mutable_started()->set_seed(99);
    log_.Append(rpc::Serialize(started));
  }

  void AppendChunk(std::uint32_t token) {
    StreamGenerateResponse event;
    event.mutable_chunk()->add_token_ids(token);
    log_.Append(rpc::Serialize(event));
  }

  GenerateRequest Next(time::Duration elapsed = 0s) {
    auto continuation = Continue(rpc::Serialize(request_), log_, elapsed);
    GenerateRequest next;
    EXPECT_TRUE(continuation.ok() && rpc::Parse(continuation->request, next));
    return next;
  }

  GenerateRequest request_;
  StreamLog log_{1 << 20};
};

TEST_F(ContinuationTest, AsksForTheRest) {
  AppendChunk(3);
  AppendChunk(4);

  const GenerateRequest next = Next();
  const auto continuation = Continue(rpc::Serialize(request_), log_, 0s);

  EXPECT_EQ(next.prompt(), "hello");
  EXPECT_FLOAT_EQ(next.sampling().temperature(), 0.5);
  EXPECT_THAT(next.resume().candidates(0).token_ids(), ElementsAre(3, 4));
  // The next worker's `started` takes the number of the last event seen.
  EXPECT_EQ(next.resume().next_sequence(), 2u);
  EXPECT_EQ(continuation->seen_events, 1u);
  EXPECT_EQ(continuation->fingerprint, "weights");
}

TEST_F(ContinuationTest, GivesTheSeedThatWasDrawn) {
  AppendChunk(3);

  EXPECT_EQ(Next().sampling().seed(), 99u);
}

TEST_F(ContinuationTest, BeginsAnewWhereNoTokenWasSeen) {
  StreamGenerateResponse echo;
  echo.mutable_chunk()->set_text("hello");
  log_.Append(rpc::Serialize(echo));

  EXPECT_FALSE(Next().has_resume());
  EXPECT_EQ(Next().sampling().seed(), 99u);
  EXPECT_EQ(Continue(rpc::Serialize(request_), log_, 0s)->seen_events, 2u);
}

TEST_F(ContinuationTest, LeavesWhatIsLeftOfTheTime) {
  AppendChunk(3);
  request_.mutable_stop()->mutable_max_time()->set_seconds(5);

  EXPECT_EQ(Next(1500ms).stop().max_time().seconds(), 3);
  EXPECT_EQ(Next(1500ms).stop().max_time().nanos(), 500'000'000);
  EXPECT_EQ(Next(9s).stop().max_time().seconds(), 0);
  EXPECT_EQ(Next(9s).stop().max_time().nanos(), 1);
}

TEST_F(ContinuationTest, CannotGoOnWithMirostat) {
  request_.mutable_sampling()->mutable_mirostat();
  AppendChunk(3);

  EXPECT_THAT(Continue(rpc::Serialize(request_), log_, 0s),
              absl_testing::StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_FALSE(MovesSafely(rpc::Serialize(request_)));
}

TEST_F(ContinuationTest, MovesWhatIsWellOnlyWhereNothingCanBeLost) {
  EXPECT_TRUE(MovesSafely(rpc::Serialize(request_)));

  request_.mutable_context_policy()->set_overflow(inference::v1::ContextPolicy::OVERFLOW_SHIFT);

  EXPECT_FALSE(MovesSafely(rpc::Serialize(request_)));
}

}  // namespace
}  // namespace chasqui::router
