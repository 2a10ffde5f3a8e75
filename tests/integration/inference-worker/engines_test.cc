// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/numbers.h"
#include "services/inference-worker/processors/processor_list.h"
#include "tests/integration/inference-worker/worker_fixture.h"

namespace chasqui::worker {
namespace {

using ::testing::HasSubstr;

// Several engines in one worker, where their threads run, and what is told of their steps.
class WorkerEngines : public WorkerFixture {
 protected:
  // The value of a sample; -1 when it is not there.
  double Metric(const std::string& sample) const {
    const std::string text = metrics_->Text();
    const std::size_t at = text.find("\n" + sample + " ");
    double value = -1;
    if (at == std::string::npos) return value;
    const std::size_t from = at + sample.size() + 2;
    EXPECT_TRUE(absl::SimpleAtod(text.substr(from, text.find('\n', from) - from), &value));
    return value;
  }
};

TEST_F(WorkerEngines, MeasureTheirSteps) {
  StartWorker();
  inference::v1::GenerateResponse response;
  ASSERT_TRUE(Generate(Chat("What is a router?"), response).ok());
  ASSERT_TRUE(testing::WaitUntil([&] { return Active() == 0; }));

  const double steps = Metric("chasqui_worker_step_duration_seconds_count{model=\"tiny\"}");
  const auto& usage = response.usage();
  EXPECT_GE(steps, usage.completion_tokens());
  EXPECT_EQ(Metric("chasqui_worker_step_tokens_count{model=\"tiny\"}"), steps);
  // The last token is generated and not computed with.
  EXPECT_EQ(Metric("chasqui_worker_step_tokens_sum{model=\"tiny\"}"),
            usage.prompt_tokens() + usage.completion_tokens() - 1);
  EXPECT_EQ(Metric("chasqui_worker_step_sequences_sum{model=\"tiny\"}"), steps);
  EXPECT_EQ(Metric("chasqui_worker_cancel_to_free_seconds_count{model=\"tiny\"}"), 0);
}

TEST_F(WorkerEngines, MeasureHowLongACancelledRequestKeepsItsSlot) {
  StartWorker();
  const auto stream = Stream(Endless());
  ASSERT_TRUE(stream->WaitForEvents(3));

  stream->Cancel();

  const auto told = [&] {
    return Metric("chasqui_worker_cancel_to_free_seconds_count{model=\"tiny\"}") == 1;
  };
  EXPECT_TRUE(testing::WaitUntil(told));
  EXPECT_EQ(Active(), 0);
  EXPECT_GT(Metric("chasqui_worker_cancel_to_free_seconds_sum{model=\"tiny\"}"), 0);
}

TEST_F(WorkerEngines, OfTwoModelsAnswerBesideEachOther) {
  Config config = TestConfig();
  config.mutable_models(0)->mutable_engine()->set_nice(1);
  config.mutable_models(0)->mutable_engine()->set_cpu_affinity(
      FormatProcessors(AllowedProcessors()));
  auto& other = *config.add_models();
  other.set_name("other");
  other.set_path(TinyModelPath());
  StartWorker(config);
  auto request = Endless();
  request.set_model("other");
  const auto endless = Stream(request);
  ASSERT_TRUE(endless->WaitForEvents(3));

  auto question = Chat("What is a router?");
  question.set_model("tiny");
  inference::v1::GenerateResponse response;
  ASSERT_TRUE(Generate(question, response).ok());

  EXPECT_EQ(response.completions(0).text(), kRouterAnswer);
  EXPECT_FALSE(endless->ended());
}

TEST_F(WorkerEngines, ComputeUnderEachNumaStrategy) {
  for (const auto strategy :
       {config::v1::NUMA_STRATEGY_DISTRIBUTE, config::v1::NUMA_STRATEGY_NONE}) {
    Config config = TestConfig();
    config.set_numa(strategy);
    StartWorker(config);
    inference::v1::GenerateResponse response;
    ASSERT_TRUE(Generate(Chat("What is a router?"), response).ok());
    EXPECT_EQ(response.completions(0).text(), kRouterAnswer);
  }
}

TEST_F(WorkerEngines, AreNotStartedWhereTheyMayNotRun) {
  Config config = TestConfig();
  config.mutable_engine()->set_cpu_affinity("1023");

  EXPECT_THAT(ValidateOn(config, std::vector<int>{0, 1}),
              ::testing::ElementsAre(HasSubstr("may not use: 1023; it may use 0-1")));
}

}  // namespace
}  // namespace chasqui::worker
