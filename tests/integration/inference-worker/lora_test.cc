// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/inference-worker/worker_fixture.h"
#include "tests/support/inference-worker/synth_adapter.h"

namespace chasqui::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Adapters over the model, by request.
class WorkerLora : public WorkerFixture {
 protected:
  using Adapters = std::vector<std::pair<std::string, std::optional<float>>>;

  static void AddAdapter(const std::string& name, const std::string& path, Config& config) {
    auto& adapter = *config.mutable_models(0)->add_lora_adapters();
    adapter.set_name(name);
    adapter.set_path(path);
  }

  static Config AdaptedConfig() {
    Config config = TestConfig();
    config.mutable_engine()->set_slots(4);
    AddAdapter("two", TinyAdapterPath(2), config);
    AddAdapter("one", TinyAdapterPath(1), config);
    config.mutable_models(0)->mutable_lora_adapters(1)->set_scale(0.75F);
    return config;
  }

  static inference::v1::GenerateRequest With(const Adapters& adapters) {
    inference::v1::GenerateRequest request;
    request.set_prompt("Once upon a time, a llama named Leo lived near the");
    request.mutable_sampling()->set_temperature(0);
    request.mutable_stop()->set_max_tokens(24);
    request.mutable_stop()->set_ignore_eos(true);
    for (const auto& [name, scale] : adapters) {
      auto& adapter = *request.add_lora_adapters();
      adapter.set_name(name);
      if (scale) adapter.set_scale(*scale);
    }
    return request;
  }

  std::string TextOf(const inference::v1::GenerateRequest& request) {
    inference::v1::GenerateResponse response;
    const absl::Status status = Generate(request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response.completions(0).text();
  }
  std::string TextWith(const Adapters& adapters) { return TextOf(With(adapters)); }

  inference::v1::Model Described() {
    grpc::ClientContext context;
    inference::v1::ListModelsResponse response;
    EXPECT_TRUE(inference_->ListModels(&context, {}, &response).ok());
    return response.models(0);
  }
};

TEST_F(WorkerLora, ListsTheAdaptersOfAModel) {
  Config config = AdaptedConfig();
  StartWorker(config);
  const inference::v1::Model loaded = Described();
  EXPECT_THAT(loaded.lora_adapters(), ElementsAre("one", "two"));

  config.mutable_models(0)->set_preload(false);
  StartWorker(config);
  const inference::v1::Model unloaded = Described();
  EXPECT_EQ(unloaded.state(), inference::v1::MODEL_STATE_UNLOADED);
  EXPECT_THAT(unloaded.lora_adapters(), ElementsAre("one", "two"));

  StartWorker(TestConfig());
  EXPECT_LT(Described().memory_bytes(), loaded.memory_bytes());
  EXPECT_NE(Described().fingerprint(), loaded.fingerprint());
}

TEST_F(WorkerLora, AppliesWhatARequestAsksFor) {
  StartWorker(AdaptedConfig());

  const std::string without = TextWith({});
  const std::string one = TextWith({{"one", std::nullopt}});
  const std::string two = TextWith({{"two", std::nullopt}});

  EXPECT_EQ((std::set<std::string>{without, one, two}.size()), 3);
  EXPECT_EQ(TextWith({{"one", 0.75F}}), one);  // as configured
  EXPECT_EQ(TextWith({{"two", 1.0F}}), two);
  EXPECT_EQ(TextWith({{"one", 0.0F}}), without);
  EXPECT_EQ(TextWith({{"one", 0.5F}, {"two", 0.5F}}), TextWith({{"two", 0.5F}, {"one", 0.5F}}));
}

TEST_F(WorkerLora, ConcurrentRequestsGetWhatTheyGetAlone) {
  StartWorker(AdaptedConfig());
  const std::vector<Adapters> sets = {
      {}, {{"one", 1.0F}}, {{"two", 1.0F}}, {{"one", 1.0F}, {"two", 0.5F}}};
  std::vector<std::string> alone;
  for (const Adapters& set : sets) alone.push_back(TextWith(set));

  std::vector<std::unique_ptr<testing::ClientStream>> streams;
  for (const Adapters& set : sets) streams.push_back(Stream(With(set)));

  for (std::size_t i = 0; i < sets.size(); ++i) {
    ASSERT_TRUE(streams[i]->Wait().ok());
    EXPECT_EQ(streams[i]->text(), alone[i]) << i;
  }
}

TEST_F(WorkerLora, AResumedStreamGoesOnAsItWould) {
  StartWorker(AdaptedConfig());
  inference::v1::GenerateResponse whole;
  ASSERT_TRUE(Generate(With({{"one", 1.0F}}), whole).ok());
  auto request = With({{"one", 1.0F}});
  auto& resumed = *request.mutable_resume()->add_candidates();
  for (int i = 0; i < 10; ++i) resumed.add_token_ids(whole.completions(0).token_ids(i));

  inference::v1::GenerateResponse rest;
  ASSERT_TRUE(Generate(request, rest).ok());

  EXPECT_TRUE(whole.completions(0).text().ends_with(rest.completions(0).text()));
  EXPECT_EQ(rest.completions(0).token_ids_size(), whole.completions(0).token_ids_size() - 10);
}

TEST_F(WorkerLora, RefusesNamesThatTheModelDoesNotHave) {
  StartWorker(AdaptedConfig());

  const absl::Status status =
      Generate(With({{"one", 1.0F}, {"three", 1.0F}, {"four", std::nullopt}}));

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const auto violations = status::FieldViolations(status);
  ASSERT_EQ(violations.size(), 2);
  EXPECT_EQ(violations[0].field, "lora_adapters[1].name");
  EXPECT_THAT(violations[0].description, HasSubstr("one, two"));
  EXPECT_THAT(violations[0].description, HasSubstr("three"));
  EXPECT_EQ(violations[1].field, "lora_adapters[2].name");
}

TEST_F(WorkerLora, SaysSoWhenTheModelHasNone) {
  StartWorker();

  EXPECT_THAT(Generate(With({{"one", 1.0F}})).message(), HasSubstr("has none"));
}

TEST_F(WorkerLora, DoesNotStartWithAnAdapterThatCannotBeLoaded) {
  Config config = TestConfig();
  AddAdapter("poet", ForeignAdapterPath(), config);

  const absl::Status status = TryStart(config);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("model tiny"));
  EXPECT_THAT(status.message(), HasSubstr("\"poet\""));
  EXPECT_THAT(status.message(), HasSubstr(ForeignAdapterPath()));
}

TEST_F(WorkerLora, DoesNotTakeAnAdapterForAModel) {
  Config config = TestConfig();
  config.mutable_models(0)->set_path(TinyAdapterPath());

  EXPECT_THAT(TryStart(config).message(), HasSubstr("is an adapter"));
}

}  // namespace
}  // namespace chasqui::worker
