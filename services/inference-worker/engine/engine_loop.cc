// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/engine_loop.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/log/check.h"
#include "absl/status/status_macros.h"
#include "common/status/status.h"

namespace chasqui::worker {

EngineLoop::EngineLoop(const Model& model, const EngineOptions& options, const EngineHooks& hooks,
                       DecodeContext& context, Inbox& inbox, EngineMeter& meter)
    : model_(model),
      options_(options),
      hooks_(hooks),
      context_(context),
      inbox_(inbox),
      meter_(meter),
      slots_(options.slots) {}

void EngineLoop::Run(std::stop_token stop) {
  stop_ = std::move(stop);
  while (!stop_.stop_requested()) {
    TakeArrivals();
    EndOverdue();
    const bool worked = Step();
    Publish();
    if (!worked) WaitForWork();
  }
  Shutdown();
}

void EngineLoop::TakeArrivals() {
  for (auto& parts : inbox_.Take()) {
    const auto free = std::ranges::find(slots_, nullptr);
    CHECK(free != slots_.end()) << "more admitted than there are slots";
    const auto slot = static_cast<std::uint32_t>(free - slots_.begin());
    *free =
        std::make_unique<Sequence>(std::move(parts), slot, model_.vocabulary(), hooks_.observer);
    (*free)->Start();
    told_.push_back((*free)->tag());
  }
}

void EngineLoop::EndOverdue() {
  const auto now = time::SteadyNow();
  for (const auto& sequence : slots_) {
    if (sequence) sequence->CheckLimits(now, options_.max_pause);
  }
}

std::vector<StepPart> EngineLoop::Plan() const {
  std::vector<SequenceView> views;
  for (const auto& sequence : slots_) {
    if (!sequence || sequence->over()) continue;
    const auto left = static_cast<std::uint32_t>(sequence->tokens_left().size());
    views.push_back({.slot = sequence->slot(),
                     .prompt_tokens_left = sequence->generating() ? 0 : left,
                     .admission = sequence->admission(),
                     .paused = sequence->paused()});
  }
  return PlanStep(views, {.batch_tokens = options_.batch_tokens,
                          .prompt_chunk_tokens = options_.prompt_chunk_tokens});
}

std::vector<DecodePart> EngineLoop::Decodable(const std::vector<StepPart>& plan) {
  std::vector<DecodePart> parts;
  parts.reserve(plan.size());
  for (const auto& part : plan) {
    const Sequence& sequence = *slots_[part.slot];
    parts.push_back({.slot = part.slot,
                     .position = sequence.position(),
                     .tokens = sequence.tokens_left().first(part.tokens),
                     .samples = part.samples});
  }
  return parts;
}

bool EngineLoop::Step() {
  const std::vector<StepPart> plan = Plan();
  if (plan.empty()) return false;
  const auto began = time::SteadyNow();
  for (const auto& part : plan) slots_[part.slot]->BeginStep(began);

  // A step that nobody waits for any more is given up: prompts can take long.
  const auto nobody_waits = [&] {
    return stop_.stop_requested() || std::ranges::all_of(plan, [&](const StepPart& part) {
             return slots_[part.slot]->channel().cancelled();
           });
  };
  const auto computed = context_.Decode(Decodable(plan), nobody_waits);
  if (computed.ok()) {
    TakeResults(plan, began);
  } else {
    FailParts(plan, computed);
  }
  return true;
}

void EngineLoop::TakeResults(const std::vector<StepPart>& plan, time::SteadyTime began) {
  StepReport report{.sequences = static_cast<std::uint32_t>(plan.size())};
  for (std::size_t i = 0; i < plan.size(); ++i) {
    Sequence& sequence = *slots_[plan[i].slot];
    if (!sequence.generating()) report.prompt_tokens += plan[i].tokens;
    sequence.EndStep(plan[i].tokens);
    if (!plan[i].samples) continue;
    sequence.TakeLogits(context_.Logits(i), time::SteadyNow());
    ++report.generated_tokens;
    told_.push_back(sequence.tag());
  }
  report.duration = time::SteadyNow() - began;
  meter_.OnStep(report);
  if (hooks_.observer != nullptr) hooks_.observer->OnStep(report);
}

void EngineLoop::FailParts(const std::vector<StepPart>& plan, const absl::Status& error) {
  for (const auto& part : plan) {
    Sequence& sequence = *slots_[part.slot];
    if (stop_.stop_requested()) continue;  // Shutdown tells them
    sequence.Fail(error);
  }
}

void EngineLoop::Publish() {
  bool left = false;
  std::uint32_t kv_used = 0;
  for (auto& sequence : slots_) {
    if (!sequence) continue;
    if (!sequence->over()) {
      kv_used += sequence->position();
      continue;
    }
    told_.push_back(sequence->tag());
    context_.Remove(sequence->slot());
    meter_.OnEnd();
    sequence.reset();  // gives the slot back
    left = true;
  }
  meter_.SetKvUsed(kv_used);
  if (!told_.empty()) {
    std::ranges::sort(told_);
    const auto twice = std::ranges::unique(told_);
    told_.erase(twice.begin(), twice.end());
    if (hooks_.on_events) hooks_.on_events(told_);
    told_.clear();
  }
  if (left && hooks_.on_load_changed) hooks_.on_load_changed();
}

void EngineLoop::WaitForWork() {
  auto limit = time::SteadyTime::max();
  for (const auto& sequence : slots_) {
    if (sequence) limit = std::min(limit, sequence->next_limit(options_.max_pause));
  }
  inbox_.Wait(limit);
}

void EngineLoop::Shutdown() {
  TakeArrivals();
  for (const auto& sequence : slots_) {
    if (sequence && !sequence->over()) {
      sequence->Fail(status::Unavailable("WORKER_STOPPED", "the worker has unloaded the model",
                                         std::chrono::milliseconds(0)));
    }
  }
  Publish();
}

absl::Status EngineLoop::WarmUp() {
  // Enough that some are undisturbed on a busy machine; a large model has told enough after two.
  constexpr std::uint32_t kMostRounds = 9;
  constexpr auto kLongest = std::chrono::milliseconds(500);
  const auto never = [] { return false; };
  const TokenId token = 0;
  const auto slots = static_cast<std::uint32_t>(slots_.size());
  std::vector<DecodePart> parts;
  const std::uint32_t chunk =
      std::min({options_.micro_batch_tokens, options_.batch_tokens, context_.context_tokens() - 1});
  const TokenIds prompt(chunk, token);

  auto began = time::SteadyNow();
  parts.push_back({.slot = 0, .position = 0, .tokens = prompt, .samples = true});
  ABSL_RETURN_IF_ERROR(context_.Decode(parts, never));
  context_.Logits(0);
  StepReport report{.sequences = 1, .prompt_tokens = chunk};
  report.duration = time::SteadyNow() - began;
  meter_.OnWarmUp(report);
  context_.Remove(0);

  const auto rounds_began = time::SteadyNow();
  for (std::uint32_t round = 0; round < kMostRounds; ++round) {
    if (round > 2 && time::SteadyNow() - rounds_began > kLongest) break;
    parts.clear();
    for (std::uint32_t slot = 0; slot < slots; ++slot)
      parts.push_back({.slot = slot, .position = round, .tokens = {&token, 1}, .samples = true});
    began = time::SteadyNow();
    ABSL_RETURN_IF_ERROR(context_.Decode(parts, never));
    context_.Logits(0);
    report = {.sequences = slots, .generated_tokens = slots};
    report.duration = time::SteadyNow() - began;
    // The first round pays for what is done once.
    if (round > 0) meter_.OnWarmUp(report);
  }
  for (std::uint32_t slot = 0; slot < slots; ++slot) context_.Remove(slot);
  return absl::OkStatus();
}

}  // namespace chasqui::worker
