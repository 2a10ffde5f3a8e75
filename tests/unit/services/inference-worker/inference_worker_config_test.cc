// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/inference_worker_config.h"

#include <google/protobuf/text_format.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace chasqui::worker {
namespace {

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

  EXPECT_THAT(Validate(config), ElementsAre(HasSubstr(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    InferenceWorkerConfig, BadSetting,
    ::testing::Values(
        Case{"engine { slots: 0 }", "engine.slots"}, Case{"engine { slots: 257 }", "engine.slots"},
        Case{"engine { micro_batch_tokens: 4096 }", "engine.micro_batch_tokens"},
        Case{"engine { kv_type_v: 'q3' }", "engine.kv_type_v"},
        Case{"engine { max_pause { seconds: 0 nanos: 5 } }", "engine.max_pause"},
        Case{"models { name: 'a' }", "models[0].path"},
        Case{"models { name: 'a' path: 'x' } models { name: 'a' path: 'y' }", "models[1].name"},
        Case{"routers: 'nowhere'", "routers[0]"}, Case{"server { loops: 65 }", "server.loops"},
        Case{"server { tls { certificate_file: 'c.pem' } }", "server.tls.private_key_file"},
        Case{"router_tls { certificate_file: 'c.pem' }", "router_tls.private_key_file"}));

TEST(InferenceWorkerConfig, ReportsAllProblemsAtOnce) {
  auto config = DefaultConfig();
  config.mutable_engine()->set_slots(0);
  config.mutable_server()->set_listen_address("nowhere");
  config.add_models();

  EXPECT_EQ(Validate(config).size(), 3u);
}

}  // namespace
}  // namespace chasqui::worker
