// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "chasqui/fleet/v1/registration_service.pb.h"
#include "common/time/clock.h"
#include "services/router/fleet/registry.h"

// Shorthand for what workers say. Useful for tests of the fleet's decisions.
namespace chasqui::router {

inline constexpr std::string_view kFingerprintA = "0123456789abcdef0123456789abcdef";
inline constexpr std::string_view kFingerprintB = "fedcba9876543210fedcba9876543210";

// A moment that many seconds after some start.
inline Now At(std::chrono::milliseconds since_start) {
  return {.steady = time::SteadyTime(std::chrono::hours(1)) + since_start,
          .system = time::SystemTime(std::chrono::hours(1)) + since_start};
}

inline inference::v1::Model ReadyModel(std::string_view name,
                                       std::string_view fingerprint = kFingerprintA) {
  inference::v1::Model model;
  model.set_name(std::string(name));
  model.set_fingerprint(std::string(fingerprint));
  model.set_state(inference::v1::MODEL_STATE_READY);
  return model;
}

// One that a request would have loaded.
inline inference::v1::Model UnloadedModel(std::string_view name, std::uint32_t slots) {
  inference::v1::Model model;
  model.set_name(std::string(name));
  model.set_state(inference::v1::MODEL_STATE_UNLOADED);
  model.set_slots(slots);
  return model;
}

struct LoadOf {
  std::string_view model = "tiny";
  std::uint32_t slots = 2;
  std::uint32_t active = 0;
  std::uint32_t active_from_you = 0;
  double rate = 0;
};

inline fleet::v1::LoadReport Load(const LoadOf& of = {}) {
  fleet::v1::LoadReport load;
  load.set_state(fleet::v1::WORKER_STATE_READY);
  auto& model = *load.add_models();
  model.set_model(std::string(of.model));
  model.set_slots(of.slots);
  model.set_active(of.active);
  model.set_active_from_you(of.active_from_you);
  model.set_decode_tokens_per_second(of.rate);
  return load;
}

// A worker with one ready model "tiny" of two slots, at an address of its own.
inline fleet::v1::WorkerHello Hello(std::string_view worker_id, std::uint64_t incarnation = 1) {
  fleet::v1::WorkerHello hello;
  hello.set_worker_id(std::string(worker_id));
  hello.set_incarnation(incarnation);
  hello.set_address(absl::StrCat(worker_id, ".workers:50052"));
  *hello.mutable_models()->add_models() = ReadyModel("tiny");
  *hello.mutable_load() = Load();
  return hello;
}

}  // namespace chasqui::router
