// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/inference_worker_config.h"

#include <google/protobuf/text_format.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace chasqui::worker {
namespace {

using config::v1::EngineConfig;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(InferenceWorkerConfig, DefaultsAreValid) { EXPECT_THAT(Validate(DefaultConfig()), IsEmpty()); }

struct Case {
  const char* change;
  const char* problem;
};

class BadSetting : public ::testing::TestWithParam<Case> {};

TEST_P(BadSetting, IsNamed) {
  auto config = DefaultConfig();
  ASSERT_TRUE(google::protobuf::TextFormat::MergeFromString(GetParam().change, &config));

  const std::vector<int> processors = {0, 1, 2};
  EXPECT_THAT(ValidateOn(config, processors), ElementsAre(HasSubstr(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    InferenceWorkerConfig, BadSetting,
    ::testing::Values(
        Case{"engine { slots: 0 }", "engine.slots"}, Case{"engine { slots: 257 }", "engine.slots"},
        Case{"engine { micro_batch_tokens: 4096 }", "engine.micro_batch_tokens"},
        Case{"engine { kv_type_v: 'q3' }", "engine.kv_type_v"},
        Case{"engine { max_pause { seconds: 0 nanos: 5 } }", "engine.max_pause"},
        Case{"engine { direct_io: true mlock: true }", "engine.direct_io"},
        Case{"engine { tensor_split: [ 1, -1 ] }", "engine.tensor_split[1]"},
        Case{"engine { tensor_split: [ 1, nan ] }", "engine.tensor_split[1]"},
        Case{"engine { tensor_split: [ inf, 1 ] }", "engine.tensor_split[0]"},
        Case{"engine { tensor_split: [ 0, 0 ] }", "engine.tensor_split"},
        Case{"engine { devices: 'A' tensor_split: [ 1, 1 ] }", "engine.tensor_split"},
        Case{"engine { devices: [ 'A', 'A' ] }", "engine.devices[1]"},
        Case{"engine { devices: [ 'A', '' ] }", "engine.devices[1]"},
        Case{"engine { main_gpu: 16 }", "engine.main_gpu"},
        Case{"models { path: 'x' engine { slots: 0 } }", "models[0].engine.slots"},
        Case{"models { path: 'x' engine { tensor_split: -1 tensor_split: 1 } }",
             "models[0].engine.tensor_split[0]"},
        Case{"models { name: 'a' }", "models[0].path"},
        Case{"models { name: 'a' path: 'x' } models { name: 'a' path: 'y' }", "models[1].name"},
        Case{"models { path: 'x' lora_adapters { path: 'a' } }", "models[0].lora_adapters[0].name"},
        Case{"models { path: 'x' lora_adapters { name: 'a' } }", "models[0].lora_adapters[0].path"},
        Case{"models { path: 'x' lora_adapters { name: 'a' path: 'b' } lora_adapters { name: 'a' "
             "path: 'c' } }",
             "models[0].lora_adapters[1].name"},
        Case{"models { path: 'x' lora_adapters { name: 'a' path: 'b' scale: nan } }",
             "models[0].lora_adapters[0].scale"},
        Case{"engine { nice: 20 }", "engine.nice"}, Case{"engine { nice: -21 }", "engine.nice"},
        Case{"engine { cpu_affinity: '0-x' }", "engine.cpu_affinity: \"x\" is no processor"},
        Case{"engine { cpu_affinity: '1-3,9' }", "not use: 3,9; it may use 0-2"},
        Case{"engine { cpu_affinity: '0-1' threads: 3 }", "engine.threads"},
        Case{"engine { cpu_affinity: '0-1' batch_threads: 3 }", "engine.batch_threads"},
        Case{"models { path: 'x' engine { cpu_affinity: '7' } }", "models[0].engine.cpu_affinity"},
        Case{"numa: NUMA_STRATEGY_ISOLATE engine { cpu_affinity: '0' }", "engine.cpu_affinity"},
        Case{"numa: NUMA_STRATEGY_NUMACTL models { path: 'x' engine { cpu_affinity: '0' } }",
             "models[0].engine.cpu_affinity"},
        Case{"routers: 'nowhere'", "routers[0]"}, Case{"server { loops: 65 }", "server.loops"},
        Case{"server { tls { certificate_file: 'c.pem' } }", "server.tls.private_key_file"},
        Case{"router_tls { certificate_file: 'c.pem' }", "router_tls.private_key_file"}));

EngineConfig Engine(const char* text) {
  EngineConfig engine;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &engine));
  return engine;
}

TEST(MergeEngine, LetsAModelSetANumberOrAFlagBackToNothing) {
  const EngineConfig merged =
      MergeEngine(Engine("slots: 4 threads: 6 kv_tokens: 9000 mlock: true mmap: true main_gpu: 1"),
                  Engine("threads: 0 kv_tokens: 0 mlock: false main_gpu: 0"));

  EXPECT_EQ(merged.slots(), 4);
  EXPECT_EQ(merged.threads(), 0);
  EXPECT_EQ(merged.kv_tokens(), 0);
  EXPECT_FALSE(merged.mlock());
  EXPECT_TRUE(merged.mmap());
  EXPECT_EQ(merged.main_gpu(), 0);
}

TEST(MergeEngine, ReplacesListsAndDurations) {
  const EngineConfig merged = MergeEngine(
      Engine("tensor_split: [ 1, 2 ] devices: 'A' target_inter_token_latency { nanos: 50000000 } "
             "max_batch_wait { nanos: 5000000 }"),
      Engine("tensor_split: 3 target_inter_token_latency { seconds: 1 } max_batch_wait { }"));

  EXPECT_THAT(merged.tensor_split(), ElementsAre(3));
  EXPECT_THAT(merged.devices(), ElementsAre("A"));
  EXPECT_EQ(merged.target_inter_token_latency().seconds(), 1);
  EXPECT_EQ(merged.target_inter_token_latency().nanos(), 0);
  EXPECT_EQ(merged.max_batch_wait().nanos(), 0);
}

TEST(InferenceWorkerConfig, ChecksAModelsEngineAsItIsLoaded) {
  auto config = DefaultConfig();
  config.mutable_engine()->add_tensor_split(1);
  config.mutable_engine()->add_devices("A");
  config.mutable_engine()->add_devices("B");
  auto& model = *config.add_models();
  model.set_path("x");
  // Not both names, one after the other: "A" would be there twice.
  model.mutable_engine()->add_devices("A");

  EXPECT_THAT(Validate(config), IsEmpty());
}

TEST(InferenceWorkerConfig, TakesAPlaceForTheThreads) {
  auto config = DefaultConfig();
  config.mutable_engine()->set_cpu_affinity("0,2");
  config.mutable_engine()->set_threads(2);
  config.mutable_engine()->set_nice(-20);

  EXPECT_THAT(ValidateOn(config, std::vector<int>{0, 1, 2}), IsEmpty());
}

TEST(InferenceWorkerConfig, ReportsAllProblemsAtOnce) {
  auto config = DefaultConfig();
  config.mutable_engine()->set_slots(0);
  config.mutable_server()->set_listen_address("nowhere");
  config.add_models();

  EXPECT_EQ(Validate(config).size(), 3u);
}

}  // namespace
}  // namespace chasqui::worker
