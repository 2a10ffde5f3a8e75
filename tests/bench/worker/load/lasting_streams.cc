// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/lasting_streams.h"

namespace chasqui::bench {

void LastingStreams::Start(uint32_t count, uint32_t lead_tokens, time::SteadyTime now,
                           std::function<void(time::SteadyTime)> on_under_way) {
  lead_tokens_ = lead_tokens;
  to_lead_ = count;
  on_under_way_ = std::move(on_under_way);
  for (uint32_t i = 0; i < count; ++i) StartOne(now);
}

void LastingStreams::StartOne(time::SteadyTime now) {
  // The tokens that came before: an arrival may bring several.
  streams_.Start(
      next_request_(), now,
      {.on_tokens =
           [this, before = uint64_t{0}](const StreamLog& log, time::SteadyTime when) mutable {
             const bool leads = before < lead_tokens_ && log.tokens() >= lead_tokens_;
             before = log.tokens();
             if (leads && to_lead_ > 0 && --to_lead_ == 0) on_under_way_(when);
           },
       .on_end =
           [this](const absl::Status& status, time::SteadyTime when) {
             if (!status.ok()) LetEnd();
             if (!may_end_) StartOne(when);
           }});
}

}  // namespace chasqui::bench
