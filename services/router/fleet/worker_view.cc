// SPDX-License-Identifier: Apache-2.0
#include "services/router/fleet/worker_view.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace chasqui::router {
namespace {

// What the hello said of the device, as the last report has it.
void Update(const fleet::v1::LoadReport& load, fleet::v1::Device& device) {
  const auto now = std::ranges::find(load.devices(), device.name(), &fleet::v1::DeviceLoad::name);
  if (now == load.devices().end()) return;
  device.set_memory_free_bytes(now->memory_free_bytes());
  device.clear_temperature_celsius();
  device.clear_utilization();
  if (now->has_temperature_celsius()) device.set_temperature_celsius(now->temperature_celsius());
  if (now->has_utilization()) device.set_utilization(now->utilization());
}

}  // namespace

void PutTime(time::SystemTime time, google::protobuf::Timestamp& out) {
  const auto since_epoch = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  out.set_seconds(seconds.count());
  out.set_nanos(static_cast<std::int32_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch - seconds).count()));
}

fleet::v1::Worker DescribeWorker(const Member& member) {
  fleet::v1::Worker worker;
  worker.set_worker_id(member.worker_id);
  worker.set_incarnation(member.incarnation);
  worker.set_address(member.address);
  worker.set_version(member.version);
  // The operator's word counts from the moment it is given, before the worker repeats it.
  const bool draining =
      member.drain_requested && member.load.state() == fleet::v1::WORKER_STATE_READY;
  worker.set_state(draining ? fleet::v1::WORKER_STATE_DRAINING : member.load.state());
  worker.mutable_models()->Add(member.models.begin(), member.models.end());
  *worker.mutable_load() = member.load;
  PutTime(member.load_time, *worker.mutable_load_time());
  PutTime(member.join_time, *worker.mutable_join_time());
  std::uint32_t in_flight = 0;
  for (const auto& [model, seat] : member.seats) in_flight += seat.own;
  worker.set_in_flight(in_flight);
  worker.mutable_devices()->Add(member.devices.begin(), member.devices.end());
  for (auto& device : *worker.mutable_devices()) Update(member.load, device);
  return worker;
}

}  // namespace chasqui::router
