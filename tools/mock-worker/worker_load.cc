// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/worker_load.h"

namespace chasqui::mock_worker {

std::optional<WorkerLoad::Slot> WorkerLoad::Enter(std::string_view router) {
  if (active_ >= slots_) return std::nullopt;
  ++active_;
  ++requests_;
  std::string name(router);
  ++active_by_router_[name];
  Changed();
  return Slot(*this, std::move(name));
}

void WorkerLoad::Leave(const std::string& router) {
  --active_;
  const auto it = active_by_router_.find(router);
  if (--it->second == 0) active_by_router_.erase(it);
  Changed();
}

void WorkerLoad::SetDraining(bool draining) {
  draining_ = draining;
  Changed();
}

fleet::v1::LoadReport WorkerLoad::Report(const std::string& router) const {
  fleet::v1::LoadReport report;
  report.set_state(draining_ ? fleet::v1::WORKER_STATE_DRAINING : fleet::v1::WORKER_STATE_READY);
  fleet::v1::ModelLoad& model = *report.add_models();
  model.set_model(model_);
  model.set_slots(slots_);
  model.set_active(active_);
  const auto it = active_by_router_.find(router);
  model.set_active_from_you(it == active_by_router_.end() ? 0 : it->second);
  model.set_generated_tokens_total(generated_tokens_);
  model.set_requests_total(requests_ - active_);
  return report;
}

void WorkerLoad::Changed() const {
  for (const std::function<void()>& listener : listeners_) listener();
}

}  // namespace chasqui::mock_worker
