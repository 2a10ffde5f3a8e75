// SPDX-License-Identifier: Apache-2.0
#include "services/router/fleet/worker_view.h"

#include <gtest/gtest.h>

#include "tests/unit/services/router/fleet_builders.h"

namespace chasqui::router {
namespace {

TEST(DescribeWorker, TellsDevicesAsTheLastReportHasThem) {
  Member member;
  for (const char* name : {"GPU0", "GPU1"}) {
    fleet::v1::Device& device = member.devices.emplace_back();
    device.set_name(name);
    device.set_memory_total_bytes(100);
    device.set_memory_free_bytes(90);
    device.set_temperature_celsius(30);
    device.set_utilization(0.1);
  }
  fleet::v1::DeviceLoad& now = *member.load.add_devices();
  now.set_name("GPU0");
  now.set_memory_free_bytes(20);
  now.set_temperature_celsius(77.5);

  const fleet::v1::Worker worker = DescribeWorker(member);

  EXPECT_EQ(worker.devices(0).memory_total_bytes(), 100);
  EXPECT_EQ(worker.devices(0).memory_free_bytes(), 20);
  EXPECT_EQ(worker.devices(0).temperature_celsius(), 77.5);
  EXPECT_FALSE(worker.devices(0).has_utilization());
  // Of this one the report says nothing.
  EXPECT_EQ(worker.devices(1).memory_free_bytes(), 90);
  EXPECT_EQ(worker.devices(1).temperature_celsius(), 30);
}

}  // namespace
}  // namespace chasqui::router
