// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"
#include "tests/support/wait_until.h"
#include "tests/unit/services/inference-worker/engine/engine_fixture.h"

// What an engine tells of its steps, and how engines share the processors.
namespace chasqui::worker {
namespace {

// Keeps what it is told. Thread-safe.
class Recorder final : public EngineObserver {
 public:
  void OnStep(const StepReport& step) override {
    const absl::MutexLock lock(mutex_);
    steps_.push_back(step);
  }
  void OnCancelled(time::Duration since) override {
    const absl::MutexLock lock(mutex_);
    cancelled_.push_back(since);
  }

  std::vector<StepReport> steps() const {
    const absl::MutexLock lock(mutex_);
    return steps_;
  }
  std::vector<time::Duration> cancelled() const {
    const absl::MutexLock lock(mutex_);
    return cancelled_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<StepReport> steps_ ABSL_GUARDED_BY(mutex_);
  std::vector<time::Duration> cancelled_ ABSL_GUARDED_BY(mutex_);
};

class EngineStepsTest : public EngineFixture {
 protected:
  EngineStepsTest() { observer_ = recorder_; }

  const std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
};

TEST_F(EngineStepsTest, EachStepIsToldWithItsTokensAndTime) {
  MakeEngine({.slots = 2, .warm_up = false});
  const TokenIds prompt = Text("Once upon a time");
  auto request = Greedy(prompt, 5);
  request.ignore_eos = true;

  Ask(request);

  AwaitIdle();
  const std::vector<StepReport> steps = recorder_->steps();
  ASSERT_EQ(steps.size(), 5);
  EXPECT_EQ(steps[0].prompt_tokens, prompt.size());
  EXPECT_EQ(steps[0].decoding, 0);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].sequences, 1) << i;
    EXPECT_EQ(steps[i].generated_tokens, 1) << i;
    EXPECT_GT(steps[i].duration, time::Duration::zero()) << i;
    if (i == 0) continue;
    EXPECT_EQ(steps[i].prompt_tokens, 0) << i;
    EXPECT_EQ(steps[i].decoding, 1) << i;
  }
  EXPECT_TRUE(recorder_->cancelled().empty());
}

TEST_F(EngineStepsTest, ACancelledAnswerIsToldOnceItsSlotIsFree) {
  MakeEngine({.slots = 1, .warm_up = false});
  const auto began = time::SteadyNow();
  const auto generation = Submit(Endless());
  Next(*generation);
  Next(*generation);

  generation->Cancel();

  Read(*generation);
  AwaitIdle();
  Ask(Greedy(Text("The river"), 1));  // by then it is told
  const std::vector<time::Duration> cancelled = recorder_->cancelled();
  ASSERT_EQ(cancelled.size(), 1);
  EXPECT_GT(cancelled[0], time::Duration::zero());
  EXPECT_LT(cancelled[0], time::SteadyNow() - began);
}

TEST_F(EngineStepsTest, AnAnswerThatEndedIsNotCancelledByItsReaderLeaving) {
  MakeEngine({.slots = 1, .warm_up = false});
  Ask(Greedy(Text("The river"), 2));
  Ask(Greedy(Text("The river"), 2));

  EXPECT_TRUE(recorder_->cancelled().empty());
}

// Two engines of one process.
class EngineTurnsTest : public EngineStepsTest {
 protected:
  EngineTurnsTest() { turns_ = &all_turns_; }
  ~EngineTurnsTest() override { engine_.reset(); }

  ComputeTurns all_turns_;
};

TEST_F(EngineTurnsTest, AnEngineWaitsForItsTurn) {
  MakeEngine({.slots = 1, .warm_up = false});
  const auto other = all_turns_.Join({});
  ASSERT_TRUE(other->Enter({}));
  const auto generation = Submit(Greedy(Text("The river"), 4));
  ASSERT_TRUE(chasqui::testing::WaitUntil([&] { return all_turns_.waiting() > 0; }));
  EXPECT_TRUE(recorder_->steps().empty());

  other->Leave();

  EXPECT_EQ(Read(*generation).ids.size(), 4);
}

TEST_F(EngineTurnsTest, AnIdleEngineHoldsNoTurn) {
  MakeEngine({.slots = 1});
  Ask(Greedy(Text("The river"), 4));
  const auto other = all_turns_.Join({});

  EXPECT_TRUE(other->Enter({}));  // and does not wait for ever
}

TEST_F(EngineTurnsTest, AnEngineThatWaitsCanBeStopped) {
  MakeEngine({.slots = 1, .warm_up = false});
  const auto other = all_turns_.Join({});
  ASSERT_TRUE(other->Enter({}));
  const auto generation = Submit(Greedy(Text("The river"), 4));
  ASSERT_TRUE(chasqui::testing::WaitUntil([&] { return all_turns_.waiting() > 0; }));

  engine_.reset();

  EXPECT_EQ(Read(*generation).error.code(), absl::StatusCode::kUnavailable);
}

TEST_F(EngineTurnsTest, AnEngineThatTakesNoneDoesNotWait) {
  MakeEngine({.slots = 1, .warm_up = false, .take_turns = false});
  const auto other = all_turns_.Join({});
  ASSERT_TRUE(other->Enter({}));

  EXPECT_EQ(Ask(Greedy(Text("The river"), 4)).ids.size(), 4);
}

TEST_F(EngineTurnsTest, EnginesThatTakeTurnsAnswerAsAlone) {
  auto request = Greedy(Text("Once upon a time"), 60);
  request.ignore_eos = true;
  MakeEngine({.slots = 2});
  const TokenIds alone = Ask(request).ids;
  EngineHooks hooks;
  hooks.turns = turns_;
  auto second = Engine::Create(TinyModel(), {.slots = 1, .kv_tokens = 1024, .threads = 1}, hooks);
  ASSERT_TRUE(second.ok());
  auto endless = (*second)->Submit(Endless(), 1);
  ASSERT_TRUE(endless.ok());

  EXPECT_EQ(Ask(request).ids, alone);
}

}  // namespace
}  // namespace chasqui::worker
