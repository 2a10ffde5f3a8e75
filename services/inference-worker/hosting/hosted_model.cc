// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/hosted_model.h"

#include <algorithm>
#include <utility>

#include "absl/status/status_macros.h"
#include "services/inference-worker/embed/embed_context.h"

namespace chasqui::worker {

HostedModel::HostedModel(ModelIdentity identity, std::shared_ptr<const Model> model,
                         std::unique_ptr<Engine> engine, const EngineOptions& options,
                         std::uint64_t memory_bytes, ComputeTurns* turns)
    : identity_(std::move(identity)),
      model_(std::move(model)),
      options_(options),
      engine_(std::move(engine)),
      memory_bytes_(memory_bytes),
      turns_(turns) {}

bool HostedModel::AnswersTo(std::string_view name) const {
  return name == identity_.name || std::ranges::contains(identity_.aliases, name);
}

std::shared_ptr<HostedModel> HostedModel::Use(std::shared_ptr<HostedModel> hosted) {
  ++hosted->users_;
  HostedModel* const model = hosted.get();
  return {model, [hosted = std::move(hosted)](HostedModel* used) {
            used->last_used_ = time::SteadyNow();
            --used->users_;
          }};
}

absl::StatusOr<Embedder*> HostedModel::embedder() {
  absl::MutexLock lock(mutex_);
  if (!embedder_) {
    ABSL_ASSIGN_OR_RETURN(embedder_, Embedder::Create(model_, options_, turns_));
  }
  return embedder_.get();
}

inference::v1::Model HostedModel::Describe() const {
  const ModelFacts& facts = model_->facts();
  inference::v1::Model model;
  model.set_name(identity_.name);
  for (const auto& alias : identity_.aliases) model.add_aliases(alias);
  model.set_profile(identity_.profile);
  model.set_memory_bytes(memory_bytes_);
  model.set_fingerprint(facts.fingerprint);
  model.set_state(inference::v1::MODEL_STATE_READY);
  model.set_architecture(facts.architecture);
  model.set_quantization(facts.quantization);
  model.set_parameter_count(facts.parameter_count);
  model.set_size_bytes(facts.size_bytes);
  model.set_train_context_tokens(facts.train_context_tokens);
  model.set_vocabulary_size(facts.vocabulary_size);
  model.set_embedding_length(facts.embedding_length);
  model.set_layer_count(facts.layer_count);
  model.set_has_chat_template(model_->chat_template().usable());
  for (const Adapter& adapter : model_->adapters()) model.add_lora_adapters(adapter.name);
  model.set_workers(1);
  model.set_generates(facts.generates);
  model.set_embeds(!facts.ranks);
  model.set_reranks(facts.ranks);
  if (engine_) {
    model.set_context_tokens(engine_->context_tokens());
    model.set_slots(engine_->Load("").slots);
  } else {
    model.set_context_tokens(MostEmbedTokens(*model_, options_));
    model.set_slots(options_.slots);
  }
  return model;
}

fleet::v1::ModelLoad HostedModel::Load(std::string_view router_id) const {
  fleet::v1::ModelLoad load;
  load.set_model(identity_.name);
  if (!engine_) {
    // What embeds or ranks takes turns; a router needs to know how many may wait for theirs.
    load.set_slots(options_.slots);
    return load;
  }
  const EngineLoad now = engine_->Load(router_id);
  load.set_slots(now.slots);
  load.set_active(now.active);
  load.set_active_from_you(now.active_of_owner);
  load.set_kv_tokens(now.kv_tokens);
  load.set_kv_used_tokens(now.kv_used_tokens);
  load.set_decode_tokens_per_second(now.decode_tokens_per_second);
  load.set_prompt_tokens_per_second(now.prompt_tokens_per_second);
  load.set_generated_tokens_total(now.generated_tokens_total);
  load.set_prompt_tokens_total(now.prompt_tokens_total);
  load.set_requests_total(now.requests_total);
  load.set_waiting(now.waiting);
  load.set_cached_prompt_tokens_total(now.cached_prompt_tokens_total);
  load.set_preemptions_total(now.preemptions_total);
  return load;
}

}  // namespace chasqui::worker
