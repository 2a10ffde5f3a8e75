// SPDX-License-Identifier: Apache-2.0
#include "services/router/discovery/worker_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "services/router/fleet/hello.h"
#include "tests/unit/services/router/fleet_builders.h"

namespace chasqui::router {
namespace {

using ::absl_testing::IsOk;

TEST(HelloOfAStatus, IsWhatTheWorkerWouldHaveSaid) {
  worker::v1::GetStatusResponse status;
  status.set_worker_id("w1");
  status.set_incarnation(7);
  status.set_version("1.2");
  *status.add_models() = ReadyModel("tiny");
  *status.mutable_load() = Load({.slots = 3});
  status.add_devices()->set_name("CPU");

  const fleet::v1::WorkerHello hello = HelloOf("10.0.0.7:1", status);

  EXPECT_THAT(ValidateHello(hello), IsOk());
  fleet::v1::WorkerHello expected;
  expected.set_worker_id("w1");
  expected.set_incarnation(7);
  expected.set_address("10.0.0.7:1");
  expected.set_version("1.2");
  *expected.mutable_models()->add_models() = ReadyModel("tiny");
  *expected.mutable_load() = Load({.slots = 3});
  expected.add_devices()->set_name("CPU");
  EXPECT_EQ(hello.SerializeAsString(), expected.SerializeAsString());
}

}  // namespace
}  // namespace chasqui::router
