// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/threaded_engine.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/status/status.h"
#include "services/inference-worker/sampling/random_draw.h"

namespace chasqui::worker {
namespace {

// The reader's handle: the answer is cancelled with it.
class Reader final : public Generation {
 public:
  explicit Reader(std::shared_ptr<GenerationChannel> channel) : channel_(std::move(channel)) {}
  ~Reader() override { channel_->Cancel(); }

  std::optional<GenerationEvent> Take() override { return channel_->Take(); }
  void Cancel() override { channel_->Cancel(); }

 private:
  const std::shared_ptr<GenerationChannel> channel_;
};

// Each candidate draws for itself: the first with the request's own seed.
SamplerSpec ToSamplerSpec(const GenerationRequest& request, std::uint32_t candidate) {
  SamplingParams params = request.sampling;
  params.seed = CandidateSeed(params.seed, candidate);
  return {.params = std::move(params),
          .grammar = request.grammar,
          .visible_markers = request.visible_markers,
          .min_tokens = request.min_tokens,
          .ignore_eos = request.ignore_eos};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(std::shared_ptr<const Model> model,
                                                       const EngineOptions& options,
                                                       EngineHooks hooks) {
  if (!model->facts().generates) {
    return status::Error(absl::StatusCode::kFailedPrecondition, "MODEL_KIND",
                         "the model makes embeddings, it does not generate");
  }
  ABSL_ASSIGN_OR_RETURN(auto context, DecodeContext::Create(*model, options));
  auto engine = std::make_unique<ThreadedEngine>(std::move(model), options, std::move(hooks),
                                                 std::move(context));
  ABSL_RETURN_IF_ERROR(engine->Start());
  return engine;
}

ThreadedEngine::ThreadedEngine(std::shared_ptr<const Model> model, const EngineOptions& options,
                               EngineHooks hooks, std::unique_ptr<DecodeContext> context)
    : model_(std::move(model)),
      options_(options),
      hooks_(std::move(hooks)),
      context_(std::move(context)),
      admission_(options_.slots),
      meter_(options_.slots),
      can_shift_(context_->can_shift()),
      inbox_(std::make_shared<Inbox>()),
      loop_(*model_, options_, hooks_, *context_, *inbox_, meter_) {}

ThreadedEngine::~ThreadedEngine() {
  thread_.RequestStop();
  inbox_->Stop();
}

// The thread that will compute warms up: OpenMP keeps a team of threads for every thread that ever
// computed, and lets them all sleep at each barrier, which costs a third of the speed, as soon as
// there are more of them than processors. Where the thread runs, its team will.
absl::Status ThreadedEngine::Start() {
  absl::Status started;
  absl::Notification ready;
  thread_ = concurrency::NamedThread("engine", [&, this](std::stop_token stop) {
    started = PlaceThisThread(options_.placement);
    if (started.ok() && options_.warm_up) started = loop_.WarmUp();
    const bool runs = started.ok();
    ready.Notify();  // what is captured by reference is gone from here on
    if (runs) loop_.Run(std::move(stop));
  });
  ready.WaitForNotification();
  return started;
}

RequestBounds ThreadedEngine::Bounds() const {
  return {.vocabulary_size = model_->vocabulary().size(),
          .context_tokens = context_->context_tokens(),
          .slots = options_.slots,
          .can_shift = can_shift_};
}

absl::StatusOr<std::vector<std::unique_ptr<TokenSampler>>> ThreadedEngine::MakeSamplers(
    const GenerationRequest& request) const {
  std::vector<std::unique_ptr<TokenSampler>> samplers;
  for (std::uint32_t i = 0; i < request.candidates; ++i) {
    ABSL_ASSIGN_OR_RETURN(samplers.emplace_back(),
                          TokenSampler::Create(model_->vocabulary(), ToSamplerSpec(request, i),
                                               context_->context_tokens()));
  }
  return samplers;
}

absl::StatusOr<std::shared_ptr<Generation>> ThreadedEngine::Submit(GenerationRequest request,
                                                                   std::uint64_t tag) {
  ABSL_RETURN_IF_ERROR(CheckRequest(request, Bounds()));
  ABSL_ASSIGN_OR_RETURN(auto grant, admission_.Admit(request.candidates, request.owner));
  ABSL_ASSIGN_OR_RETURN(auto samplers, MakeSamplers(request));
  auto channel = std::make_shared<GenerationChannel>(tag, options_.max_buffered_events,
                                                     [inbox = inbox_] { inbox->Wake(); });
  auto reader = std::make_shared<Reader>(channel);
  const std::uint32_t most_tokens = MostTokens(request, Bounds());
  auto group = std::make_shared<AnswerGroup>(std::move(request), most_tokens, std::move(grant),
                                             std::move(channel), ++admissions_);
  if (!inbox_->Put({.group = std::move(group), .samplers = std::move(samplers)})) {
    return status::Unavailable("WORKER_STOPPED", "the worker has unloaded the model",
                               std::chrono::milliseconds(0));
  }
  if (hooks_.on_load_changed) hooks_.on_load_changed();
  return reader;
}

EngineLoad ThreadedEngine::Load(std::string_view owner) const {
  const KvUse kv = meter_.kv();
  return {.slots = options_.slots,
          .active = admission_.active(),
          .active_of_owner = admission_.active_of(owner),
          .kv_tokens = context_->kv_tokens(),
          .kv_used_tokens = std::min(kv.running_tokens, context_->kv_tokens()),
          .decode_tokens_per_second = meter_.decode_rate(),
          .prompt_tokens_per_second = meter_.prompt_rate(),
          .generated_tokens_total = meter_.generated_tokens(),
          .prompt_tokens_total = meter_.prompt_tokens(),
          .requests_total = meter_.requests(),
          .waiting = kv.waiting,
          .cached_prompt_tokens_total = meter_.cached_prompt_tokens(),
          .preemptions_total = meter_.preemptions(),
          .evictions_total = kv.evictions,
          .host_restores_total = kv.host_restores,
          .host_cache_bytes = kv.host_bytes};
}

}  // namespace chasqui::worker
