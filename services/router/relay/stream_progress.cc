// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/stream_progress.h"

#include <chrono>

namespace chasqui::router {
namespace {

double Seconds(time::Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void StreamProgress::OnEvent(EventKind kind, time::SteadyTime now) {
  ++events_;
  if (kind == EventKind::kFinished) finished_ = true;
  if (kind != EventKind::kChunk) return;
  if (++chunks_ == 1) {
    to_first_chunk_ = now - arrived_;
    if (first_token_ != nullptr) first_token_->Observe(Seconds(now - arrived_));
  } else if (inter_token_ != nullptr) {
    inter_token_->Observe(Seconds(now - last_chunk_));
  }
  last_chunk_ = now;
}

}  // namespace chasqui::router
