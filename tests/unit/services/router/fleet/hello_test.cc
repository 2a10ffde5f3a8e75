// SPDX-License-Identifier: Apache-2.0
#include "services/router/fleet/hello.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "common/status/status.h"
#include "tests/unit/services/router/fleet_builders.h"

namespace chasqui::router {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;

std::vector<std::string> WrongFields(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const auto& violation : status::FieldViolations(status)) fields.push_back(violation.field);
  return fields;
}

TEST(ReachableAddress, IsAHostAndAPort) {
  for (const char* address : {"127.0.0.1:50052", "worker-0.workers.default.svc:1", "[::1]:50052",
                              "[fe80::1]:65535", "my_host:9000"}) {
    EXPECT_TRUE(IsReachableAddress(address)) << address;
  }
}

TEST(ReachableAddress, IsNothingElse) {
  for (const char* address : {"",
                              "host",
                              "host:",
                              ":50052",
                              "host:0",
                              "host:65536",
                              "host:-1",
                              "host:80x",
                              "0.0.0.0:50052",
                              "[::]:50052",
                              "::1:50052",
                              "unix:/tmp/socket",
                              "dns:///host:80",
                              "a b:80",
                              "host/path:80",
                              "[]:80",
                              "[host]:80",
                              "http://host:80",
                              "-host:80",
                              "xds:///worker:80"}) {
    EXPECT_FALSE(IsReachableAddress(address)) << address;
  }
}

TEST(ValidateHello, TakesAProperOne) { EXPECT_THAT(ValidateHello(Hello("w1")), IsOk()); }

TEST(ValidateHello, TellsEveryProblemAtOnce) {
  fleet::v1::WorkerHello hello = Hello("w 1");
  hello.set_address("0.0.0.0:50052");
  hello.set_version(std::string(200, 'v'));
  hello.mutable_models()->mutable_models(0)->set_name("");
  hello.mutable_models()->mutable_models(0)->set_fingerprint("xyz");
  hello.mutable_load()->set_state(fleet::v1::WORKER_STATE_UNSPECIFIED);

  const absl::Status status = ValidateHello(hello);

  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(WrongFields(status),
              ElementsAre("hello.worker_id", "hello.address", "hello.version",
                          "hello.models.models[0].name", "hello.models.models[0].fingerprint",
                          "hello.load.state"));
}

TEST(ValidateHello, NeedsNoLoadYet) {
  fleet::v1::WorkerHello hello = Hello("w1");
  hello.clear_load();

  EXPECT_THAT(ValidateHello(hello), IsOk());
}

TEST(ValidateModels, RefusesAModelThatIsThereTwice) {
  fleet::v1::WorkerModels models;
  *models.add_models() = ReadyModel("a");
  *models.add_models() = ReadyModel("a");

  EXPECT_THAT(WrongFields(ValidateModels(models)), ElementsAre("models.models[1].name"));
}

TEST(ValidateModels, BoundsTheNamesOfAdapters) {
  fleet::v1::WorkerHello hello = Hello("w1");
  auto& model = *hello.mutable_models()->mutable_models(0);
  model.add_lora_adapters("poet");
  EXPECT_THAT(ValidateHello(hello), IsOk());

  model.add_lora_adapters("a name");
  EXPECT_THAT(WrongFields(ValidateHello(hello)),
              ElementsAre("hello.models.models[0].lora_adapters"));

  model.clear_lora_adapters();
  for (int i = 0; i < 65; ++i) model.add_lora_adapters("a");
  EXPECT_THAT(WrongFields(ValidateHello(hello)),
              ElementsAre("hello.models.models[0].lora_adapters"));
}

TEST(ValidateModels, NeedsAFingerprintOnlyOfReadyModels) {
  fleet::v1::WorkerModels models;
  *models.add_models() = ReadyModel("a", "");
  models.mutable_models(0)->set_state(inference::v1::MODEL_STATE_LOADING);

  EXPECT_THAT(ValidateModels(models), IsOk());
}

TEST(ValidateLoad, RefusesAbsurdSlots) {
  EXPECT_THAT(WrongFields(ValidateLoad(Load({.slots = 1'000'000}))),
              ElementsAre("load.models[0].slots"));
}

TEST(ValidateLoad, RefusesMoreDevicesThanAMachineHas) {
  fleet::v1::LoadReport load = Load();
  for (int i = 0; i < 65; ++i) load.add_devices();

  EXPECT_THAT(WrongFields(ValidateLoad(load)), ElementsAre("load.devices"));
}

}  // namespace
}  // namespace chasqui::router
