// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/engine_loop.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status_macros.h"
#include "common/status/status.h"
#include "services/inference-worker/batch/step_budget.h"
#include "services/inference-worker/engine/processor_cores.h"
#include "services/inference-worker/engine/warm_up.h"

namespace chasqui::worker {
namespace {

// A gap that the next request will fill is not worth a copy.
constexpr std::uint32_t kGapSteps = 3;

// Room that must be left for each running answer before one that was set back comes again.
constexpr std::uint32_t kHeadroomTokens = 32;

}  // namespace

EngineLoop::EngineLoop(const Model& model, const EngineOptions& options, const EngineHooks& hooks,
                       DecodeContext& context, Inbox& inbox, EngineMeter& meter)
    : model_(model),
      options_(options),
      hooks_(hooks),
      context_(context),
      inbox_(inbox),
      meter_(meter),
      turn_(JoinTurns(hooks.turns, options, options.placement.processors)),
      kv_(context, {.share_prefixes = options.prefix_cache,
                    .host_bytes = options.prefix_cache ? options.host_cache_bytes : 0}),
      seats_(context.sequences()),
      sampling_(SamplingHelpers(context.on_gpu(), AvailableCores(options.placement.processors),
                                options.slots),
                options.placement) {}

void EngineLoop::Run(std::stop_token stop) {
  stop_ = std::move(stop);
  while (!stop_.stop_requested()) {
    TakeArrivals();
    EndOverdue();
    SeatWaiting();
    CloseGaps();
    ShiftFull();
    const bool worked = Step();
    Publish();
    if (worked) continue;
    if (turn_) turn_->Leave();
    WaitForWork();
  }
  if (turn_) turn_->Leave();
  Shutdown();
}

void EngineLoop::TakeArrivals() {
  const bool idle = waiting_.empty() && std::ranges::all_of(seats_, [](auto& s) { return !s; });
  const auto take = [this] {
    const auto now = time::SteadyNow();
    std::vector<SequenceParts> arrived = inbox_.Take();
    for (SequenceParts& parts : arrived) {
      std::uint32_t candidate = 0;
      for (auto& sampler : parts.samplers) {
        waiting_.push_back(std::make_unique<Sequence>(parts.group, candidate++, std::move(sampler),
                                                      model_.vocabulary()));
        waiting_.back()->Start(now);
      }
      told_.push_back(parts.group->channel().tag());
    }
    return !arrived.empty();
  };
  if (!take() || !idle || options_.max_batch_wait <= time::Duration::zero()) return;
  // The first of a burst: its companions are on their way.
  const auto until = time::SteadyNow() + options_.max_batch_wait;
  while (2 * waiting_.size() < options_.slots && time::SteadyNow() < until &&
         !stop_.stop_requested()) {
    inbox_.Wait(until);
    take();
  }
}

void EngineLoop::EndOverdue() {
  const auto now = time::SteadyNow();
  for (const auto& sequence : seats_) {
    if (sequence) sequence->CheckLimits(now, options_.max_pause);
  }
  for (const auto& sequence : waiting_) sequence->CheckLimits(now, options_.max_pause);
}

// Where cells are shared, answers may outgrow them together: those that come, or come again, must
// not push out others at once.
bool EngineLoop::HasRoomFor(const Sequence& sequence) const {
  if (!context_.unified()) return true;
  std::size_t needed = sequence.tokens().size() + kHeadroomTokens;
  bool alone = true;
  for (const auto& other : seats_) {
    if (!other) continue;
    alone = false;
    needed += other->tokens().size() + kHeadroomTokens;
  }
  return alone || needed <= context_.kv_tokens();
}

void EngineLoop::SeatWaiting() {
  const auto now = time::SteadyNow();
  for (auto& sequence : waiting_) {
    if (sequence->over() || !sequence->may_sit()) continue;
    if (!HasRoomFor(*sequence)) break;
    const std::uint32_t adapters = EnterAdapters(*sequence);
    const auto seat =
        kv_.Take(sequence->tokens(), adapters, meter_.costs().seconds_per_prompt_token(), now);
    if (!seat) {
      adapters_.Leave(adapters);
      break;
    }
    meter_.OnSeated(seat->cached_tokens);
    sequence->TakeSeat(seat->index, seat->cached_tokens, adapters);
    told_.push_back(sequence->tag());
    seats_[seat->index] = std::move(sequence);
  }
  std::erase(waiting_, nullptr);
}

void EngineLoop::CloseGaps() {
  gap_steps_ = kv_.has_gap() ? gap_steps_ + 1 : 0;
  if (gap_steps_ < kGapSteps) return;
  while (const auto move = kv_.CloseGap()) {
    seats_[move->from]->MoveTo(move->to);
    seats_[move->to] = std::move(seats_[move->from]);
  }
  gap_steps_ = 0;
}

void EngineLoop::ShiftFull() {
  for (const auto& sequence : seats_) {
    if (!sequence || !sequence->must_shift(context_.context_tokens())) continue;
    if (sequence->request().shift &&
        kv_.Shift(sequence->seat(), sequence->kept_tokens(), sequence->tokens_to_drop())) {
      sequence->Shifted();
    } else {
      sequence->Finish(EndReason::kContextFull);
    }
  }
}

bool EngineLoop::MayRun(const Sequence& sequence) const {
  return !sequence.over() && !sequence.paused();
}

std::uint32_t EngineLoop::EnterAdapters(const Sequence& sequence) {
  const AdapterSets::Use use = adapters_.Enter(sequence.request().adapters);
  if (use.renamed) {
    kv_.Forget(use.index);
    if (current_adapters_ == use.index) current_adapters_.reset();
  }
  return use.index;
}

void EngineLoop::ChooseAdapters() {
  if (adapters_.size() == 1) return;
  std::vector<std::uint32_t> wanted;
  for (const auto& sequence : seats_) {
    if (sequence && MayRun(*sequence)) wanted.push_back(sequence->adapters());
  }
  if (wanted.empty()) return;
  std::ranges::sort(wanted);
  const auto next =
      current_adapters_ ? std::ranges::upper_bound(wanted, *current_adapters_) : wanted.begin();
  const std::uint32_t chosen = next == wanted.end() ? wanted.front() : *next;
  if (chosen == current_adapters_) return;
  if (context_.SetAdapters(adapters_.at(chosen))) {
    current_adapters_ = chosen;
    return;
  }
  current_adapters_.reset();
  for (const auto& sequence : seats_) {
    if (sequence && MayRun(*sequence) && sequence->adapters() == chosen)
      sequence->Fail(absl::InternalError("libllama could not apply the adapters"));
  }
  inbox_.Wake();  // those with other adapters are still to be stepped
}

std::vector<StepPart> EngineLoop::Plan() {
  ChooseAdapters();
  std::vector<SequenceView> views;
  BudgetQuestion question{
      .costs = meter_.costs(),
      .target_seconds = std::chrono::duration<double>(options_.target_step).count(),
      .most_tokens = options_.prompt_chunk_tokens,
      .micro_batch_tokens = options_.micro_batch_tokens};
  auto oldest = std::numeric_limits<std::uint64_t>::max();
  for (const auto& sequence : seats_) {
    if (!sequence || !MayRun(*sequence)) continue;
    if (sequence->adapters() != current_adapters_) continue;
    const auto left = static_cast<std::uint32_t>(sequence->tokens_left().size());
    views.push_back({.seat = sequence->seat(),
                     .prompt_tokens_left = sequence->generating() ? 0 : left,
                     .admission = sequence->admission()});
    ++(sequence->generating() ? question.generating : question.prompts);
    if (!sequence->generating() && sequence->admission() < oldest) {
      oldest = sequence->admission();
      question.oldest_tokens = left;
    }
  }
  return PlanStep(views, {.batch_tokens = options_.batch_tokens,
                          .prompt_tokens = PromptBudget(question),
                          .least_chunk = 2 * kLeastChunk});
}

std::vector<DecodePart> EngineLoop::Decodable(const std::vector<StepPart>& plan) const {
  std::vector<DecodePart> parts;
  parts.reserve(plan.size());
  for (const auto& part : plan) {
    const Sequence& sequence = *seats_[part.seat];
    parts.push_back({.sequence = part.seat,
                     .position = sequence.position(),
                     .tokens = sequence.tokens_left().first(part.tokens),
                     .samples = part.samples});
  }
  return parts;
}

bool EngineLoop::Step() {
  const std::vector<StepPart> plan = Plan();
  if (plan.empty()) return false;
  if (!AwaitTurn()) return true;
  const auto began = time::SteadyNow();
  for (const auto& part : plan) seats_[part.seat]->BeginStep(began);

  // A step that nobody waits for any more is given up: prompts can take long.
  const auto nobody_waits = [&] {
    return stop_.stop_requested() || std::ranges::all_of(plan, [&](const StepPart& part) {
             return seats_[part.seat]->channel().cancelled();
           });
  };
  const auto computed = context_.Decode(Decodable(plan), nobody_waits);
  if (computed.ok()) {
    TakeResults(plan, began);
  } else if (absl::IsResourceExhausted(computed)) {
    MakeRoom(plan);
  } else {
    FailParts(plan, computed);
  }
  return true;
}

void EngineLoop::TakeResults(const std::vector<StepPart>& plan, time::SteadyTime began) {
  StepReport report{.sequences = static_cast<std::uint32_t>(plan.size())};
  for (std::size_t i = 0; i < plan.size(); ++i) {
    Sequence& sequence = *seats_[plan[i].seat];
    if (sequence.generating()) {
      ++report.decoding;
    } else {
      report.prompt_tokens += plan[i].tokens;
    }
    kv_.Append(plan[i].seat, sequence.tokens_left().first(plan[i].tokens));
    sequence.EndStep(plan[i].tokens);
    if (plan[i].samples) choices_.push_back({&sequence, context_.Logits(i)});
  }
  report.generated_tokens = static_cast<std::uint32_t>(choices_.size());
  Choose();
  report.duration = time::SteadyNow() - began;
  meter_.OnStep(report);
  if (hooks_.observer) hooks_.observer->OnStep(report);
}

void EngineLoop::Choose() {
  // Below that, helpers would come too late.
  constexpr std::size_t kWorthHelp = 500'000;
  const auto choose = [this](std::size_t i) { choices_[i].sequence->Choose(choices_[i].logits); };
  if (choices_.size() * model_.vocabulary().size() >= kWorthHelp) {
    sampling_.Run(choices_.size(), choose);
  } else {
    for (std::size_t i = 0; i < choices_.size(); ++i) choose(i);
  }
  const auto now = time::SteadyNow();
  for (const auto& [sequence, logits] : choices_) {
    sequence->TakeChoice(now);
    told_.push_back(sequence->tag());
  }
  choices_.clear();
}

void EngineLoop::FailParts(const std::vector<StepPart>& plan, const absl::Status& error) {
  for (const auto& part : plan) {
    if (stop_.stop_requested()) continue;  // Shutdown tells them
    seats_[part.seat]->Fail(error);
    kv_.Clear(part.seat);  // what it holds is not what is known of it
  }
}

void EngineLoop::MakeRoom(const std::vector<StepPart>& plan) {
  if (kv_.EvictOne()) return;
  // Of the answers that run, the youngest has the least to lose.
  Sequence* youngest = nullptr;
  std::size_t running = 0;
  for (const auto& sequence : seats_) {
    if (!sequence || sequence->over()) continue;
    ++running;
    if (youngest == nullptr || sequence->admission() >= youngest->admission())
      youngest = sequence.get();
  }
  if (running > 1) return Preempt(youngest->seat());
  for (const auto& part : plan) {
    seats_[part.seat]->Fail(absl::InternalError("the KV cache has no room for one request alone"));
  }
}

void EngineLoop::Preempt(std::uint32_t seat) {
  SequencePtr sequence = std::move(seats_[seat]);
  kv_.Clear(seat);
  adapters_.Leave(sequence->adapters());
  sequence->LoseSeat();
  meter_.OnPreempted();
  const auto later = std::ranges::find_if(waiting_, [&](const SequencePtr& other) {
    return other->admission() > sequence->admission();
  });
  waiting_.insert(later, std::move(sequence));
}

// Frees the sequence if it is over; whether it was.
bool EngineLoop::Release(SequencePtr& sequence) {
  if (!sequence->over()) return false;
  told_.push_back(sequence->tag());
  if (sequence->seated()) {
    kv_.Leave(sequence->seat(), time::SteadyNow());
    adapters_.Leave(sequence->adapters());
  }
  if (sequence->group().Retire()) {
    meter_.OnEnd();
    ended_.push_back(std::move(sequence));
  }
  sequence.reset();
  return true;
}

void EngineLoop::CloseEnded() {
  for (const auto& sequence : ended_) {
    AnswerGroup& group = sequence->group();
    group.Close();
    const time::SteadyTime cancelled_at = group.channel().cancelled_at();
    if (hooks_.observer && group.failed() && cancelled_at != time::SteadyTime())
      hooks_.observer->OnCancelled(time::SteadyNow() - cancelled_at);
  }
  ended_.clear();
}

void EngineLoop::Publish() {
  bool left = false;
  for (auto& sequence : seats_) {
    if (sequence) left |= Release(sequence);
  }
  for (auto& sequence : waiting_) left |= Release(sequence);
  std::erase(waiting_, nullptr);
  meter_.SetKv({.running_tokens = kv_.running_tokens(),
                .waiting = static_cast<std::uint32_t>(waiting_.size()),
                .evictions = kv_.counts().evictions,
                .host_restores = kv_.counts().restores,
                .host_bytes = kv_.host_bytes()});
  CloseEnded();  // what is told of the engine is true when a reader learns of the end
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
  for (const auto& sequence : seats_) {
    if (sequence) limit = std::min(limit, sequence->next_limit(options_.max_pause));
  }
  for (const auto& sequence : waiting_)
    limit = std::min(limit, sequence->next_limit(options_.max_pause));
  inbox_.Wait(limit);
}

void EngineLoop::Shutdown() {
  TakeArrivals();
  FailAll(status::Unavailable("WORKER_STOPPED", "the worker has unloaded the model",
                              std::chrono::milliseconds(0)));
  Publish();
}

void EngineLoop::FailAll(const absl::Status& error) {
  for (const auto& sequence : seats_) {
    if (sequence && !sequence->over()) sequence->Fail(error);
  }
  for (const auto& sequence : waiting_) {
    if (!sequence->over()) sequence->Fail(error);
  }
}

absl::Status EngineLoop::WarmUp() {
  const absl::Cleanup leave = [this] {
    if (turn_) turn_->Leave();
  };
  return worker::WarmUp(context_, options_, meter_, [this] { AwaitTurn(); });
}

}  // namespace chasqui::worker
