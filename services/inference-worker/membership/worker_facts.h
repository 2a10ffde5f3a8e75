// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "chasqui/fleet/v1/registration_service.pb.h"
#include "common/concurrency/task.h"

namespace chasqui::worker {

// What a membership tells the router about this worker, and what the router may ask of it.
// Implemented by the worker's server, outlives the memberships. Called on the loop that they are
// confined to.
class WorkerFacts {
 public:
  virtual ~WorkerFacts() = default;

  // Everything but the load.
  virtual fleet::v1::WorkerHello Hello() const = 0;

  virtual fleet::v1::WorkerModels Models() const = 0;

  // What the worker is doing now; `router_id` decides active_from_you. report_number is set by the
  // caller.
  virtual fleet::v1::LoadReport Load(std::string_view router_id) const = 0;

  // Carries out a command. Unimplemented ones give UNIMPLEMENTED.
  virtual concurrency::Task<absl::Status> Execute(fleet::v1::Command command) = 0;
};

}  // namespace chasqui::worker
