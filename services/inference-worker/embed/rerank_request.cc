// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/embed/rerank_request.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status_macros.h"
#include "services/inference-worker/embed/rank_prompt.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;

// Best first; equally good ones in the request's order.
std::vector<v1::RankedDocument> Sort(const std::vector<float>& scores) {
  std::vector<v1::RankedDocument> ranked(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    ranked[i].set_index(static_cast<std::uint32_t>(i));
    ranked[i].set_score(scores[i]);
  }
  std::ranges::stable_sort(ranked, std::greater{}, &v1::RankedDocument::score);
  return ranked;
}

}  // namespace

absl::StatusOr<v1::RerankResponse> AnswerRerank(HostedModel& hosted,
                                                const v1::RerankRequest& request) {
  std::vector<TokenIds> pairs;
  std::size_t tokens = 0;
  for (const auto& document : request.documents()) {
    pairs.push_back(MakeRankPrompt(*hosted.model(), request.query(), document));
    tokens += pairs.back().size();
  }
  ABSL_ASSIGN_OR_RETURN(Embedder * embedder, hosted.embedder());
  ABSL_ASSIGN_OR_RETURN(const std::vector<float> scores, embedder->Rank(pairs));

  std::vector<v1::RankedDocument> ranked = Sort(scores);
  if (request.top_n() > 0 && request.top_n() < ranked.size()) ranked.resize(request.top_n());
  v1::RerankResponse response;
  response.set_model(hosted.name());
  response.mutable_results()->Assign(ranked.begin(), ranked.end());
  response.mutable_usage()->set_prompt_tokens(static_cast<std::uint32_t>(tokens));
  return response;
}

}  // namespace chasqui::worker
