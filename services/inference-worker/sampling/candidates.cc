// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/candidates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

// A function compiled for several processors, of which the best is taken at run time. Not beside
// sanitizers: the choice is made before they are ready.
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define CHASQUI_VECTOR_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define CHASQUI_VECTOR_CLONES
#endif

namespace chasqui::worker {
namespace {

bool Before(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

double Entropy(const Candidates& candidates) {
  double entropy = 0;
  for (const auto& c : candidates) {
    if (c.probability > 0) entropy -= c.probability * std::log(c.probability);
  }
  return entropy;
}

void KeepFirst(Candidates& candidates, std::size_t count) {
  candidates.resize(std::clamp<std::size_t>(count, 1, candidates.size()));
}

}  // namespace

// One pass, block by block: the greatest of a block by lanes that are compared side by side, in the
// widest vector instructions that the processor has; then the place within the best block alone.
// With a large vocabulary and many sequences a plain loop takes a good part of a step.
CHASQUI_VECTOR_CLONES std::int32_t ArgMax(std::span<const float> logits) {
  constexpr std::size_t kLanes = 16;
  constexpr std::size_t kBlock = 64 * kLanes;
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  float greatest = kLowest;
  std::size_t best = 0;  // where its block begins
  for (std::size_t begin = 0; begin < logits.size(); begin += kBlock) {
    const auto block = logits.subspan(begin, std::min(kBlock, logits.size() - begin));
    const std::size_t whole = block.size() - block.size() % kLanes;
    std::array<float, kLanes> lanes;
    lanes.fill(kLowest);
    for (std::size_t i = 0; i < whole; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const float logit = block[i + lane];
        lanes[lane] = logit > lanes[lane] ? logit : lanes[lane];  // false for a NaN
      }
    }
    float in_block = kLowest;
    for (const float lane : lanes) in_block = std::max(in_block, lane);
    for (std::size_t i = whole; i < block.size(); ++i)
      in_block = block[i] > in_block ? block[i] : in_block;
    if (in_block > greatest) {
      greatest = in_block;
      best = begin;
    }
  }
  if (greatest == kLowest) return -1;
  return static_cast<std::int32_t>(std::ranges::find(logits.subspan(best), greatest) -
                                   logits.subspan(best).begin() +
                                   static_cast<std::ptrdiff_t>(best));
}

void SelectTop(std::span<const float> logits, std::size_t k, float least, Candidates& out) {
  out.clear();
  if (k == 0 || k >= logits.size()) {
    for (std::size_t i = 0; i < logits.size(); ++i) {
      if (logits[i] >= least && std::isfinite(logits[i]))
        out.push_back({static_cast<std::int32_t>(i), logits[i]});
    }
    std::ranges::sort(out, Before);
    return;
  }
  // A heap of the k best so far with the worst of them on top: most logits fail one comparison.
  float worst = std::max(least, std::numeric_limits<float>::lowest());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!(logits[i] >= worst) || std::isinf(logits[i])) continue;
    const Candidate candidate{static_cast<std::int32_t>(i), logits[i]};
    if (out.size() == k) {
      if (!Before(candidate, out.front())) continue;
      std::ranges::pop_heap(out, Before);
      out.back() = candidate;
    } else {
      out.push_back(candidate);
    }
    std::ranges::push_heap(out, Before);
    if (out.size() == k) worst = out.front().logit;
  }
  std::ranges::sort_heap(out, Before);
}

float LeastWithinSigmas(std::span<const float> logits, float n) {
  double sum = 0;
  double squares = 0;
  float greatest = -std::numeric_limits<float>::infinity();
  std::size_t count = 0;
  for (const float logit : logits) {
    if (!std::isfinite(logit)) continue;
    greatest = std::max(greatest, logit);
    sum += logit;
    squares += static_cast<double>(logit) * logit;
    ++count;
  }
  if (count == 0) return greatest;
  const double mean = sum / static_cast<double>(count);
  const double variance = std::max(0.0, squares / static_cast<double>(count) - mean * mean);
  return static_cast<float>(greatest - n * std::sqrt(variance));
}

void Normalize(Candidates& candidates) {
  double sum = 0;
  for (auto& c : candidates) {
    c.probability = std::exp(c.logit - candidates.front().logit);
    sum += c.probability;
  }
  for (auto& c : candidates) c.probability = static_cast<float>(c.probability / sum);
}

void KeepTypical(Candidates& candidates, float p) {
  const double entropy = Entropy(candidates);
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), 0);
  const auto strangeness = [&](std::size_t i) {
    return std::abs(-std::log(candidates[i].probability) - entropy);
  };
  std::ranges::stable_sort(order, {}, strangeness);

  std::size_t kept = 0;
  for (double sum = 0; kept < order.size() && sum <= p; ++kept)
    sum += candidates[order[kept]].probability;
  order.resize(std::max<std::size_t>(kept, 1));
  std::ranges::sort(order);  // back to likeliest first

  for (std::size_t i = 0; i < order.size(); ++i) candidates[i] = candidates[order[i]];
  candidates.resize(order.size());
}

void KeepTopP(Candidates& candidates, float p) {
  std::size_t kept = 0;
  for (double sum = 0; kept < candidates.size() && sum < p; ++kept)
    sum += candidates[kept].probability;
  KeepFirst(candidates, kept);
}

void KeepMinP(Candidates& candidates, float p) {
  if (p <= 0) return;
  const float least = candidates.front().logit + std::log(p);
  const auto end = std::ranges::find_if(candidates, [&](auto& c) { return c.logit < least; });
  KeepFirst(candidates, static_cast<std::size_t>(end - candidates.begin()));
}

void ExcludeTopChoices(Candidates& candidates, float threshold) {
  const auto end =
      std::ranges::find_if(candidates, [&](auto& c) { return c.probability < threshold; });
  if (end - candidates.begin() > 1) candidates.erase(candidates.begin(), end - 1);
}

void ApplyTemperature(Candidates& candidates, float temperature) {
  for (auto& c : candidates) c.logit /= temperature;
}

float DynamicTemperature(const Candidates& candidates, float temperature, float range,
                         float exponent) {
  const double greatest = std::log(static_cast<double>(candidates.size()));
  const double normalized = greatest > 0 ? Entropy(candidates) / greatest : 0;
  const float low = std::max(0.0F, temperature - range);
  const float high = temperature + range;
  constexpr float kLeast = 1e-3F;  // the logits are divided by it
  const auto part = static_cast<float>(std::pow(normalized, exponent));
  return std::max(kLeast, low + (high - low) * part);
}

void KeepUnsurprising(Candidates& candidates, float mu) {
  const auto end =
      std::ranges::find_if(candidates, [&](auto& c) { return -std::log2(c.probability) > mu; });
  KeepFirst(candidates, static_cast<std::size_t>(end - candidates.begin()));
}

const Candidate& Draw(const Candidates& candidates, double uniform) {
  double total = 0;
  for (const auto& c : candidates) total += c.probability;
  double left = uniform * total;
  for (const auto& c : candidates) {
    left -= c.probability;
    if (left < 0) return c;
  }
  return candidates.back();
}

}  // namespace chasqui::worker
