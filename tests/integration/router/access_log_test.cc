// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "tests/integration/router/router_fixture.h"

namespace chasqui::router {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A router that writes its access log into a file.
class RouterAccessLog : public RouterFixture {
 protected:
  RouterAccessLog()
      : folder_(fs::path(::testing::TempDir()) / absl::StrCat("access_log_test-", getpid())) {}
  ~RouterAccessLog() override {
    router_.reset();
    fs::remove_all(folder_);
  }

  void Start(bool prompts) {
    Config config = TestConfig();
    config.mutable_access_log()->set_path(folder_ / "access.log");
    config.mutable_access_log()->set_prompts(prompts);
    StartRouter(config);
  }

  std::string Text() const {
    std::ifstream file(folder_ / "access.log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Waits for that many lines.
  std::vector<nlohmann::json> Lines(int count) const {
    EXPECT_TRUE(testing::WaitUntil([&] {
      const std::string text = Text();
      return std::ranges::count(text, '\n') >= count;
    }));
    std::vector<nlohmann::json> lines;
    std::ifstream file(folder_ / "access.log");
    for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
    EXPECT_EQ(lines.size(), static_cast<std::size_t>(count));
    return lines;
  }

  const fs::path folder_;
};

TEST_F(RouterAccessLog, TellsOfEachRequest) {
  Start(/*prompts=*/false);
  const auto worker = JoinWorker({.id = "w1"});

  const auto client = Stream("the secret", {.metadata = {{"x-request-id", "r-7"}}});
  const auto call = worker->NextCall();
  call->SendStarted();
  call->SendChunk("a");
  call->SendChunk("b");
  inference::v1::Usage usage;
  usage.set_prompt_tokens(3);
  usage.set_cached_prompt_tokens(1);
  usage.set_completion_tokens(2);
  call->SendFinished(&usage);
  call->Finish();
  EXPECT_TRUE(client->Wait().ok());

  const nlohmann::json line = Lines(1).at(0);
  EXPECT_EQ(line["message"], "request");
  EXPECT_EQ(line["request_id"], "r-7");
  EXPECT_EQ(line["tenant"], "");
  EXPECT_EQ(line["method"], "StreamGenerate");
  EXPECT_EQ(line["model"], "tiny");
  EXPECT_EQ(line["worker"], "w1");
  EXPECT_EQ(line["code"], "OK");
  EXPECT_EQ(line["attempts"], 1);
  EXPECT_EQ(line["moves"], 0);
  EXPECT_EQ(line["events"], 4);
  EXPECT_EQ(line["prompt_tokens"], 3);
  EXPECT_EQ(line["cached_prompt_tokens"], 1);
  EXPECT_EQ(line["completion_tokens"], 2);
  EXPECT_GT(line["seconds"], 0);
  EXPECT_GT(line["first_token_seconds"], 0);
  EXPECT_THAT(line["peer"].get<std::string>(), StartsWith("ipv4:127.0.0.1:"));
  EXPECT_THAT(line["user_agent"].get<std::string>(), HasSubstr("grpc-c++"));
  EXPECT_TRUE(line.contains("time"));
}

TEST_F(RouterAccessLog, NamesAllWorkersThatWereAskedAndWhyItFailed) {
  Start(/*prompts=*/false);
  const auto w1 = JoinWorker({.id = "w1", .slots = 9});
  const auto w2 = JoinWorker({.id = "w2"});
  for (const auto* worker : {&w1, &w2}) {
    (*worker)->RefuseAll(
        rpc::ToGrpc(status::Unavailable("DRAINING", "leaving", std::chrono::seconds(1))));
  }

  EXPECT_FALSE(Stream()->Wait().ok());

  const nlohmann::json line = Lines(1).at(0);
  EXPECT_EQ(line["code"], "UNAVAILABLE");
  EXPECT_EQ(line["reason"], "DRAINING");
  EXPECT_EQ(line["attempts"], 2);
  EXPECT_EQ(line["workers"], "w1,w2");
}

TEST_F(RouterAccessLog, CountsTheTokensOfSingleAnswers) {
  Start(/*prompts=*/false);
  const auto worker = JoinWorker();
  grpc::ClientContext context;
  inference::v1::EmbedRequest request;
  request.set_model("tiny");
  request.add_inputs()->set_text("hello");
  inference::v1::EmbedResponse response;

  EXPECT_TRUE(inference_->Embed(&context, request, &response).ok());

  EXPECT_EQ(Lines(1).at(0)["prompt_tokens"], 7);
  EXPECT_EQ(Metric("chasqui_router_tokens_total{kind=\"prompt\",model=\"tiny\",tenant=\"\"}"), 7);
}

TEST_F(RouterAccessLog, NeverHasAPromptByDefault) {
  Start(/*prompts=*/false);
  const auto worker = JoinWorker();
  const auto client = Stream("the secret");
  worker->NextCall()->Answer({"the answer"});
  EXPECT_TRUE(client->Wait().ok());
  auto wrong = testing::Prompt("the secret");
  wrong.set_model("unknown");
  EXPECT_FALSE(Generate(wrong).ok());
  wrong.mutable_sampling()->set_temperature(-1);
  EXPECT_FALSE(Generate(wrong).ok());

  Lines(3);

  EXPECT_THAT(Text(), Not(HasSubstr("secret")));
  EXPECT_THAT(Text(), Not(HasSubstr("answer")));
}

TEST_F(RouterAccessLog, HasPromptsWhereTheyWereAskedFor) {
  Start(/*prompts=*/true);
  const auto worker = JoinWorker();

  const auto client = Stream("the secret");
  worker->NextCall()->Answer({"the answer"});
  EXPECT_TRUE(client->Wait().ok());

  EXPECT_EQ(Lines(1).at(0)["prompt"], "the secret");
  EXPECT_THAT(Text(), Not(HasSubstr("answer")));
}

TEST_F(RouterAccessLog, IsNeededToStart) {
  Config config = TestConfig();
  config.mutable_access_log()->set_path("/proc/none/access.log");
  observability::Metrics metrics("router");
  RouterServer router(config, metrics, observability::Logger());

  EXPECT_THAT(std::string(router.Start().message()), HasSubstr("/proc/none/access.log"));
}

}  // namespace
}  // namespace chasqui::router
