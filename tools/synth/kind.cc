// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/kind.h"

#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace chasqui::synth {
namespace {

constexpr std::array<KindName, 4> kKinds = {{
    {ModelKind::kText, "text", "llama"},
    {ModelKind::kEmbedding, "embedding", "bert"},
    {ModelKind::kReranker, "reranker", "bert"},
    {ModelKind::kPromptReranker, "prompt-reranker", "qwen3"},
}};

}  // namespace

std::span<const KindName> Kinds() { return kKinds; }

const KindName& NameOf(ModelKind kind) { return kKinds.at(static_cast<std::size_t>(kind)); }

absl::StatusOr<ModelKind> ParseKind(std::string_view name) {
  for (const KindName& known : kKinds) {
    if (known.name == name) return known.kind;
  }
  const auto append = [](std::string* out, const KindName& known) {
    absl::StrAppend(out, known.name);
  };
  return absl::InvalidArgumentError(absl::StrCat("no kind of model \"", name, "\"; there are ",
                                                 absl::StrJoin(kKinds, ", ", append)));
}

}  // namespace chasqui::synth
