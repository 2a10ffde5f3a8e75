// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/embed/embedder.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/cleanup/cleanup.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/inference/violations.h"
#include "common/status/status.h"
#include "services/inference-worker/embed/embed_context.h"
#include "services/inference-worker/engine/decode_context.h"

namespace chasqui::worker {
namespace {

enum llama_pooling_type ToLlama(EmbedPooling pooling) {
  switch (pooling) {
    case EmbedPooling::kModelDefault:
      return LLAMA_POOLING_TYPE_UNSPECIFIED;
    case EmbedPooling::kMean:
      return LLAMA_POOLING_TYPE_MEAN;
    case EmbedPooling::kCls:
      return LLAMA_POOLING_TYPE_CLS;
    case EmbedPooling::kLast:
      return LLAMA_POOLING_TYPE_LAST;
  }
  return LLAMA_POOLING_TYPE_UNSPECIFIED;
}

class PooledEmbedder final : public Embedder {
 public:
  PooledEmbedder(std::shared_ptr<const Model> model, const EngineOptions& options,
                 ComputeTurns* turns)
      : model_(std::move(model)),
        options_(options),
        most_tokens_(MostEmbedTokens(*model_, options)),
        // Its threads are not placed: they run on all processors.
        turn_(JoinTurns(turns, options, {})) {}

  absl::StatusOr<std::vector<std::vector<float>>> Embed(const std::vector<TokenIds>& inputs,
                                                        EmbedPooling pooling) override {
    if (model_->facts().ranks)
      return WrongKind("the model ranks documents, it does not make embeddings");
    return Compute(inputs, "inputs", ToLlama(pooling));
  }

  absl::StatusOr<std::vector<float>> Rank(const std::vector<TokenIds>& pairs) override {
    if (!model_->facts().ranks)
      return WrongKind("the model has no head that scores documents, it does not rank them");
    ABSL_ASSIGN_OR_RETURN(const auto vectors, Compute(pairs, "documents", LLAMA_POOLING_TYPE_RANK));
    std::vector<float> scores;
    for (const auto& vector : vectors) {
      // Of several classes the first one is "it answers".
      scores.push_back(vector.front());
      if (!std::isfinite(scores.back())) return absl::InternalError("a score is not a number");
    }
    return scores;
  }

 private:
  static absl::Status WrongKind(std::string_view why) {
    return status::Error(absl::StatusCode::kFailedPrecondition, "MODEL_KIND", why);
  }

  absl::StatusOr<std::vector<std::vector<float>>> Compute(const std::vector<TokenIds>& inputs,
                                                          std::string_view field,
                                                          enum llama_pooling_type pooling) {
    ABSL_RETURN_IF_ERROR(Check(inputs, field));
    const absl::MutexLock lock(mutex_);
    ABSL_ASSIGN_OR_RETURN(EmbedContext * context, Context(pooling));
    const absl::Cleanup leave = [this] {
      if (turn_) turn_->Leave();
    };
    std::vector<std::vector<float>> vectors;
    for (std::span<const TokenIds> left = inputs; !left.empty();) {
      const auto group = left.first(GroupSize(left));
      if (turn_) turn_->Enter({});
      ABSL_ASSIGN_OR_RETURN(auto some, context->Embed(group));
      std::ranges::move(some, std::back_inserter(vectors));
      left = left.subspan(group.size());
    }
    return vectors;
  }

  absl::Status Check(const std::vector<TokenIds>& inputs, std::string_view field_name) const {
    inference::Violations violations;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto field = absl::StrCat(field_name, "[", i, "]");
      if (inputs[i].empty()) violations.Add(field, "must give at least one token");
      if (inputs[i].size() > most_tokens_) {
        violations.Add(field, absl::StrCat("must be at most ", most_tokens_, " tokens, is ",
                                           inputs[i].size()));
      }
      for (const TokenId token : inputs[i]) {
        if (model_->vocabulary().Contains(static_cast<std::uint32_t>(token))) continue;
        violations.Add(field, absl::StrCat("token ids must be below ", model_->vocabulary().size(),
                                           ", one is ", static_cast<std::uint32_t>(token)));
        break;
      }
    }
    return violations.ToStatus();
  }

  // How many of the inputs are computed together next.
  std::size_t GroupSize(std::span<const TokenIds> inputs) const {
    std::size_t tokens = 0;
    std::size_t count = 0;
    while (count < std::min<std::size_t>(inputs.size(), EmbedContext::kMostInputs)) {
      tokens += inputs[count].size();
      if (tokens > most_tokens_ && count > 0) break;
      ++count;
    }
    return count;
  }

  absl::StatusOr<EmbedContext*> Context(enum llama_pooling_type pooling)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    auto& context = contexts_[pooling];
    if (!context) {
      ABSL_ASSIGN_OR_RETURN(context, EmbedContext::Create(*model_, options_, pooling));
    }
    return context.get();
  }

  const std::shared_ptr<const Model> model_;
  const EngineOptions options_;
  const std::uint32_t most_tokens_;
  const std::unique_ptr<ComputeTurns::Member> turn_;  // used under the mutex; may be nullptr
  absl::Mutex mutex_;
  std::map<enum llama_pooling_type, std::unique_ptr<EmbedContext>> contexts_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Embedder>> Embedder::Create(std::shared_ptr<const Model> model,
                                                           const EngineOptions& options,
                                                           ComputeTurns* turns) {
  return std::make_unique<PooledEmbedder>(std::move(model), options, turns);
}

void Normalize(std::vector<float>& vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  if (squares <= 0) return;
  const auto scale = static_cast<float>(1 / std::sqrt(squares));
  for (float& value : vector) value *= scale;
}

}  // namespace chasqui::worker
