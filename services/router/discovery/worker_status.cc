// SPDX-License-Identifier: Apache-2.0
#include "services/router/discovery/worker_status.h"

namespace chasqui::router {

fleet::v1::WorkerHello HelloOf(const std::string& address,
                               const worker::v1::GetStatusResponse& status) {
  fleet::v1::WorkerHello hello;
  hello.set_worker_id(status.worker_id());
  hello.set_incarnation(status.incarnation());
  hello.set_address(address);
  hello.set_version(status.version());
  *hello.mutable_models() = ModelsOf(status);
  *hello.mutable_devices() = status.devices();
  if (status.has_load()) *hello.mutable_load() = status.load();
  return hello;
}

fleet::v1::WorkerModels ModelsOf(const worker::v1::GetStatusResponse& status) {
  fleet::v1::WorkerModels models;
  *models.mutable_models() = status.models();
  return models;
}

}  // namespace chasqui::router
