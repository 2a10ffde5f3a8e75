// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/admission.h"

#include <chrono>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace chasqui::worker {
namespace {

absl::Status Full(std::string_view why) {
  // Another worker may have room at once; for this one, half a second is about when a slot frees.
  return status::ResourceExhausted("WORKER_FULL", why, std::chrono::milliseconds(500));
}

}  // namespace

Admission::Grant::~Grant() {
  if (admission_ != nullptr) admission_->Release(*this);
}

absl::Status Admission::CheckSlots(std::uint32_t wanted) const {
  if (wanted <= slots_ - active_) return absl::OkStatus();
  if (active_ == slots_) return Full(absl::StrCat("all ", slots_, " slots are busy"));
  return Full(absl::StrCat("the request needs ", wanted, " slots, ", slots_ - active_, " of ",
                           slots_, " are free"));
}

absl::Status Admission::CheckRoom() const {
  const absl::MutexLock lock(mutex_);
  return CheckSlots(1);
}

absl::StatusOr<Admission::Grant> Admission::Admit(std::uint32_t slots, std::string owner) {
  const absl::MutexLock lock(mutex_);
  ABSL_RETURN_IF_ERROR(CheckSlots(slots));
  active_ += slots;
  by_owner_[owner] += slots;
  return Grant(this, slots, std::move(owner));
}

void Admission::Release(const Grant& grant) {
  const absl::MutexLock lock(mutex_);
  active_ -= grant.slots_;
  const auto owner = by_owner_.find(grant.owner_);
  owner->second -= grant.slots_;
  if (owner->second == 0) by_owner_.erase(owner);
}

std::uint32_t Admission::active() const {
  const absl::MutexLock lock(mutex_);
  return active_;
}

std::uint32_t Admission::active_of(std::string_view owner) const {
  const absl::MutexLock lock(mutex_);
  const auto found = by_owner_.find(owner);
  return found == by_owner_.end() ? 0 : found->second;
}

}  // namespace chasqui::worker
