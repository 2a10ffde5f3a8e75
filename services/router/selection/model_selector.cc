// SPDX-License-Identifier: Apache-2.0
#include "services/router/selection/model_selector.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using inference::v1::ModelRequirements;

constexpr std::size_t kMaxTold = 20;
constexpr double kNoFreeSlot = 0.5;

// Why the offer does not fit; empty: it does.
std::string Excluded(const ModelRequirements& wanted, const ModelOffer& offer) {
  if (!offer.generates) return "does not generate";
  if (!wanted.profile().empty() && offer.profile != wanted.profile()) {
    return absl::StrCat("profile '", offer.profile, "' is not '", wanted.profile(), "'");
  }
  if (offer.context_tokens < wanted.min_context_tokens()) {
    return absl::StrCat("context_tokens ", offer.context_tokens, " is below min_context_tokens ",
                        wanted.min_context_tokens());
  }
  if (wanted.max_memory_bytes() == 0) return "";
  if (offer.memory_bytes == 0) return "its memory is not known, max_memory_bytes is given";
  if (offer.memory_bytes > wanted.max_memory_bytes()) {
    return absl::StrCat("memory_bytes ", offer.memory_bytes, " is above max_memory_bytes ",
                        wanted.max_memory_bytes());
  }
  return "";
}

absl::Status NothingFits(const std::vector<std::string>& reasons) {
  const std::size_t told = std::min(reasons.size(), kMaxTold);
  const std::string list =
      absl::StrJoin(reasons.begin(), reasons.begin() + static_cast<std::ptrdiff_t>(told), "; ");
  return status::Error(absl::StatusCode::kNotFound, "NO_MODEL_FITS",
                       absl::StrCat("no model fits model_requirements: ", list,
                                    told < reasons.size() ? "; ..." : ""));
}

// The figures behind the scores; of use relative to one another only.
double RawSpeed(const ModelOffer& offer, bool all_measured) {
  double speed = all_measured              ? offer.tokens_per_second
                 : offer.memory_bytes == 0 ? 0
                                           : 1 / static_cast<double>(offer.memory_bytes);
  if (offer.ready && offer.free_slots == 0) speed *= kNoFreeSlot;
  return speed;
}

double RawQuality(const ModelOffer& offer) {
  return static_cast<double>(offer.parameter_count) * QualityOf(offer.quantization);
}

// `value` of the greatest; where nothing is known of any, all are equal.
double Relative(double value, double greatest) { return greatest == 0 ? 1 : value / greatest; }

}  // namespace

double QualityOf(std::string_view quantization) {
  // By the bits of a weight; the losses are those that perplexity shows for models of 7 to 13
  // billion weights, as llama.cpp publishes them for its k-quants, rounded.
  static constexpr struct {
    std::string_view bits;
    double quality;
  } kLosses[] = {{"8", 1},    {"6", 0.99}, {"5", 0.98}, {"4", 0.95},
                 {"3", 0.85}, {"2", 0.6},  {"1", 0.4}};
  const std::string name = absl::AsciiStrToUpper(quantization);
  const std::size_t q = name.find('Q');
  const bool quantised = q != std::string::npos && q <= 1;  // Q4_K_M, IQ4_XS, TQ1_0
  if (!quantised) return name.starts_with("MXFP4") ? 0.95 : 1;
  for (const auto& [bits, quality] : kLosses) {
    if (name.substr(q + 1).starts_with(bits)) return quality;
  }
  return 1;
}

absl::StatusOr<Selection> SelectModel(const ModelRequirements& requirements,
                                      std::span<const ModelOffer> offers) {
  std::vector<std::string> reasons;
  std::vector<const ModelOffer*> fitting;
  for (const ModelOffer& offer : offers) {
    if (std::string reason = Excluded(requirements, offer); !reason.empty()) {
      reasons.push_back(absl::StrCat("'", offer.name, "': ", reason));
    } else {
      fitting.push_back(&offer);
    }
  }
  if (fitting.empty() && !offers.empty()) return NothingFits(reasons);
  const bool any_ready = std::ranges::any_of(fitting, &ModelOffer::ready);
  std::erase_if(fitting, [&](const ModelOffer* offer) {
    return any_ready ? !offer->ready : !offer->loadable;
  });
  if (fitting.empty()) {
    return status::Unavailable(
        "NO_WORKER", "no worker that takes requests has a model that fits model_requirements", 1s);
  }

  const bool all_measured = std::ranges::all_of(
      fitting, [](const ModelOffer* offer) { return offer->tokens_per_second > 0; });
  double fastest = 0;
  double best = 0;
  for (const ModelOffer* offer : fitting) {
    fastest = std::max(fastest, RawSpeed(*offer, all_measured));
    best = std::max(best, RawQuality(*offer));
  }
  struct Ranked {
    ModelScore score;
    std::uint32_t free_slots;
  };
  std::vector<Ranked> ranked;
  for (const ModelOffer* offer : fitting) {
    ModelScore score{.name = offer->name,
                     .speed = Relative(RawSpeed(*offer, all_measured), fastest),
                     .quality = Relative(RawQuality(*offer), best)};
    score.score = std::pow(score.speed, requirements.speed_weight()) *
                  std::pow(score.quality, requirements.quality_weight());
    ranked.push_back({score, offer->free_slots});
  }
  std::ranges::sort(ranked, [](const Ranked& a, const Ranked& b) {
    return std::tuple(-a.score.score, b.free_slots, a.score.name) <
           std::tuple(-b.score.score, a.free_slots, b.score.name);
  });
  Selection selection{.name = std::string(ranked.front().score.name), .scores = {}};
  for (const Ranked& offer : ranked) selection.scores.push_back(offer.score);
  return selection;
}

}  // namespace chasqui::router
