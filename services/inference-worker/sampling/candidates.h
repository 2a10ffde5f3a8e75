// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace chasqui::worker {

// A token that may come next.
struct Candidate {
  std::int32_t id;
  float logit;
  float probability = 0;  // set by Normalize
};

// Likeliest first; of equal logits the lower id first, so that the order is one.
using Candidates = std::vector<Candidate>;

// The steps of sampling, each a pure function over candidates in the order above that keeps at
// least one. Each names the paper or the page that describes it.

// The index of the greatest logit, the lowest of equals; -1 when every one is -infinity or NaN.
std::int32_t ArgMax(std::span<const float> logits);

// The `k` greatest of `logits` (all for 0) that are at least `least`, without sorting the rest.
void SelectTop(std::span<const float> logits, std::size_t k, float least, Candidates& out);

// The least logit that top-n-sigma keeps: the greatest minus n standard deviations of the finite
// ones (Tang et al., 2024, arXiv:2411.07641).
float LeastWithinSigmas(std::span<const float> logits, float n);

// Sets the probabilities from the logits (softmax).
void Normalize(Candidates& candidates);

// Locally typical sampling (Meister et al., 2022, arXiv:2202.00666). Needs probabilities.
void KeepTypical(Candidates& candidates, float p);

// Nucleus sampling (Holtzman et al., 2020, arXiv:1904.09751). Needs probabilities.
void KeepTopP(Candidates& candidates, float p);

// Min-p (Nguyen et al., 2024, arXiv:2407.01082).
void KeepMinP(Candidates& candidates, float p);

// XTC, exclusion of the likeliest: all candidates of at least `threshold` but the least likely of
// them are left out (github.com/oobabooga/text-generation-webui, pull request 6335). The caller has
// drawn whether. Needs probabilities.
void ExcludeTopChoices(Candidates& candidates, float threshold);

// Divides the logits.
void ApplyTemperature(Candidates& candidates, float temperature);

// The temperature for a distribution of this entropy (Zhang et al., 2023, arXiv:2309.02772): from
// temperature - range at entropy 0 to temperature + range at the entropy of equal candidates. Needs
// probabilities.
float DynamicTemperature(const Candidates& candidates, float temperature, float range,
                         float exponent);

// Mirostat 2 (Basu et al., 2021, arXiv:2007.14966): leaves out what is more surprising than `mu`
// bits. Needs probabilities.
void KeepUnsurprising(Candidates& candidates, float mu);

// The candidate at `uniform` (of [0, 1)) of the cumulated probabilities. Needs probabilities, which
// need not add up to 1.
const Candidate& Draw(const Candidates& candidates, double uniform);

}  // namespace chasqui::worker
