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

absl::Status Admission::CheckSlot() const {
  if (active_ < slots_) return absl::OkStatus();
  return Full(absl::StrCat("all ", slots_, " slots are busy"));
}

absl::Status Admission::CheckRoom() const {
  const absl::MutexLock lock(mutex_);
  return CheckSlot();
}

absl::StatusOr<Admission::Grant> Admission::Admit(std::uint32_t kv_tokens, std::string owner) {
  const absl::MutexLock lock(mutex_);
  ABSL_RETURN_IF_ERROR(CheckSlot());
  if (kv_tokens > kv_tokens_ - reserved_kv_tokens_) {
    return Full(absl::StrCat("the request needs ", kv_tokens, " tokens of the KV cache, ",
                             kv_tokens_ - reserved_kv_tokens_, " of ", kv_tokens_, " are free"));
  }
  ++active_;
  reserved_kv_tokens_ += kv_tokens;
  ++by_owner_[owner];
  return Grant(this, kv_tokens, std::move(owner));
}

void Admission::Release(const Grant& grant) {
  const absl::MutexLock lock(mutex_);
  --active_;
  reserved_kv_tokens_ -= grant.kv_tokens_;
  const auto owner = by_owner_.find(grant.owner_);
  if (--owner->second == 0) by_owner_.erase(owner);
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
