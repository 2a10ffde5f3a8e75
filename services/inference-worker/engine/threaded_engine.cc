// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/threaded_engine.h"

#include <chrono>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

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

SamplerSpec ToSamplerSpec(const GenerationRequest& request) {
  return {.params = request.sampling,
          .grammar = request.grammar,
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
      admission_(options_.slots, context_->kv_tokens()),
      meter_(options_.slots),
      inbox_(std::make_shared<Inbox>()),
      loop_(*model_, options_, hooks_, *context_, *inbox_, meter_) {}

ThreadedEngine::~ThreadedEngine() {
  thread_.RequestStop();
  inbox_->Stop();
}

absl::Status ThreadedEngine::Start() {
  if (options_.warm_up) {
    ABSL_RETURN_IF_ERROR(loop_.WarmUp());
  }
  thread_ = concurrency::NamedThread("engine", [this](std::stop_token stop) { loop_.Run(stop); });
  return absl::OkStatus();
}

RequestBounds ThreadedEngine::Bounds() const {
  return {.vocabulary_size = model_->vocabulary().size(),
          .context_tokens = context_->context_tokens()};
}

absl::StatusOr<std::shared_ptr<Generation>> ThreadedEngine::Submit(GenerationRequest request,
                                                                   std::uint64_t tag) {
  ABSL_RETURN_IF_ERROR(CheckRequest(request, Bounds()));
  const std::uint32_t most_tokens = MostTokens(request, Bounds());
  const auto kv_tokens = static_cast<std::uint32_t>(request.prompt.size()) + most_tokens;
  ABSL_ASSIGN_OR_RETURN(auto grant, admission_.Admit(kv_tokens, request.owner));
  ABSL_ASSIGN_OR_RETURN(auto sampler,
                        TokenSampler::Create(model_->vocabulary(), ToSamplerSpec(request),
                                             context_->context_tokens()));
  auto channel = std::make_shared<GenerationChannel>(tag, options_.max_buffered_events,
                                                     [inbox = inbox_] { inbox->Wake(); });
  auto reader = std::make_shared<Reader>(channel);
  const bool taken = inbox_->Put({.request = std::move(request),
                                  .most_tokens = most_tokens,
                                  .grant = std::move(grant),
                                  .sampler = std::move(sampler),
                                  .channel = std::move(channel),
                                  .admission = ++admissions_});
  if (!taken) {
    return status::Unavailable("WORKER_STOPPED", "the worker has unloaded the model",
                               std::chrono::milliseconds(0));
  }
  if (hooks_.on_load_changed) hooks_.on_load_changed();
  return reader;
}

EngineLoad ThreadedEngine::Load(std::string_view owner) const {
  return {.slots = options_.slots,
          .active = admission_.active(),
          .active_of_owner = admission_.active_of(owner),
          .kv_tokens = context_->kv_tokens(),
          .kv_used_tokens = meter_.kv_used(),
          .decode_tokens_per_second = meter_.decode_rate(),
          .prompt_tokens_per_second = meter_.prompt_rate(),
          .generated_tokens_total = meter_.generated_tokens(),
          .prompt_tokens_total = meter_.prompt_tokens(),
          .requests_total = meter_.requests()};
}

}  // namespace chasqui::worker
