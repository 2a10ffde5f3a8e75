// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/tensor_plan.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace chasqui::synth {
namespace {

// A matrix keeps the size of what it maps, times `gain`, when its weights spread by
// 1 / sqrt(columns).
TensorPlan Matrix(std::string name, int64_t columns, int64_t rows, float gain = 1) {
  return {std::move(name), columns, rows, gain / std::sqrt(static_cast<float>(columns))};
}

TensorPlan Norm(std::string name, int64_t columns) { return {std::move(name), columns, 0, 0}; }

TensorPlan Bias(std::string name, int64_t columns) { return {std::move(name), columns, 0, 0.1F}; }

// A decoder of the llama family: RMS norms before what they norm, gated feed-forward layers, the
// output tied to the embedding.
std::vector<TensorPlan> Decoder(const ModelShape& shape, bool norms_heads) {
  const int64_t width = shape.embedding;
  const int64_t head_width = width / shape.heads;
  const int64_t kv_width = head_width * shape.kv_heads;
  // Small against what the layers add to it: the output is tied to the embedding, and would
  // otherwise always choose the token that came last.
  std::vector<TensorPlan> plan = {{"token_embd.weight", width, shape.vocabulary, 0.1F}};
  for (uint32_t layer = 0; layer < shape.layers; ++layer) {
    const std::string block = absl::StrCat("blk.", layer, ".");
    plan.push_back(Norm(block + "attn_norm.weight", width));
    // Each head looks at few positions, chosen by what stands there and where. Heads that average
    // all positions would hide the past, and the same few tokens would follow each other forever.
    plan.push_back(Matrix(block + "attn_q.weight", width, width, 4));
    plan.push_back(Matrix(block + "attn_k.weight", width, kv_width));
    plan.push_back(Matrix(block + "attn_v.weight", width, kv_width, 2));
    if (norms_heads) {
      plan.push_back(Norm(block + "attn_q_norm.weight", head_width));
      plan.push_back(Norm(block + "attn_k_norm.weight", head_width));
    }
    plan.push_back(Matrix(block + "attn_output.weight", width, width));
    plan.push_back(Norm(block + "ffn_norm.weight", width));
    plan.push_back(Matrix(block + "ffn_gate.weight", width, shape.feed_forward));
    plan.push_back(Matrix(block + "ffn_up.weight", width, shape.feed_forward));
    plan.push_back(Matrix(block + "ffn_down.weight", shape.feed_forward, width));
  }
  plan.push_back(Norm("output_norm.weight", width));
  return plan;
}

void AddNorm(std::vector<TensorPlan>& plan, const std::string& name, int64_t columns) {
  plan.push_back(Norm(name + ".weight", columns));
  plan.push_back(Bias(name + ".bias", columns));
}

void AddLinear(std::vector<TensorPlan>& plan, const std::string& name, int64_t columns,
               int64_t rows, float gain = 1) {
  plan.push_back(Matrix(name + ".weight", columns, rows, gain));
  plan.push_back(Bias(name + ".bias", rows));
}

// An encoder: learnt positions, norms with a bias after what they norm, each token sees all others.
std::vector<TensorPlan> Encoder(const ModelShape& shape) {
  const int64_t width = shape.embedding;
  const int64_t kv_width = width / shape.heads * shape.kv_heads;
  std::vector<TensorPlan> plan = {
      {"token_embd.weight", width, shape.vocabulary, 1},
      {"token_types.weight", width, 1, 0.1F, /*exact=*/true},
      {"position_embd.weight", width, shape.context, 0.1F, /*exact=*/true}};
  AddNorm(plan, "token_embd_norm", width);
  for (uint32_t layer = 0; layer < shape.layers; ++layer) {
    const std::string block = absl::StrCat("blk.", layer, ".");
    // Here, too, each head looks at few positions: else all texts would look alike.
    AddLinear(plan, block + "attn_q", width, width, 4);
    AddLinear(plan, block + "attn_k", width, kv_width);
    AddLinear(plan, block + "attn_v", width, kv_width, 2);
    AddLinear(plan, block + "attn_output", width, width);
    AddNorm(plan, block + "attn_output_norm", width);
    AddLinear(plan, block + "ffn_up", width, shape.feed_forward);
    AddLinear(plan, block + "ffn_down", shape.feed_forward, width);
    AddNorm(plan, block + "layer_output_norm", width);
  }
  return plan;
}

}  // namespace

std::vector<TensorPlan> PlanTensors(ModelKind kind, const ModelShape& shape) {
  std::vector<TensorPlan> plan;
  switch (kind) {
    case ModelKind::kText:
      return Decoder(shape, /*norms_heads=*/false);
    case ModelKind::kEmbedding:
      return Encoder(shape);
    case ModelKind::kReranker:
      plan = Encoder(shape);
      AddLinear(plan, "cls", shape.embedding, shape.embedding);
      AddLinear(plan, "cls.output", shape.embedding, 1);
      return plan;
    case ModelKind::kPromptReranker:
      plan = Decoder(shape, /*norms_heads=*/true);
      plan.push_back(Matrix("cls.output.weight", shape.embedding, 2));  // "yes" and "no"
      return plan;
  }
  return plan;
}

}  // namespace chasqui::synth
