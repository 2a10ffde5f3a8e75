// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/generate.pb.h"

// Which model answers a request that names none but says what it must be good for. Pure functions.
namespace chasqui::router {

// What the fleet offers under one name, at one moment.
struct ModelOffer {
  std::string name;
  std::string profile;  // empty: not said
  std::uint32_t context_tokens = 0;
  // What it takes in memory; its weights alone where no more is known. 0: nothing is known.
  std::uint64_t memory_bytes = 0;
  std::uint64_t parameter_count = 0;  // 0: not known
  std::string quantization;           // such as "Q4_K_M"; empty: not known
  bool generates = false;
  // Whether a worker that takes requests has it in memory; else one would load it, if `loadable`.
  bool ready = false;
  bool loadable = false;
  // Of its ready workers.
  std::uint32_t slots = 0;
  std::uint32_t free_slots = 0;
  // What one request gets with all slots busy, in tokens a second. 0: not measured.
  double tokens_per_second = 0;
};

// How one offer did.
struct ModelScore {
  std::string_view name;
  double speed = 0;    // of the fastest that fits, 0 to 1
  double quality = 0;  // of the best that fits, 0 to 1
  double score = 0;
};

struct Selection {
  std::string name;
  // Every offer that fits, the chosen one first. Names are those of the offers.
  std::vector<ModelScore> scores;
};

// The model for `requirements`:
//   NOT_FOUND    NO_MODEL_FITS: the message tells what excludes each (at most twenty are told)
//   UNAVAILABLE  NO_WORKER: one fits, but no worker that takes requests has it; or there is none at
//                all
// Of those that fit, one that is in memory goes before one that would be loaded. Then the greatest
// speed^speed_weight * quality^quality_weight wins: whether one of two models goes before the other
// does not depend on what else there is. Speed is the measured rate; where not all have one, what
// must be read for a token (memory_bytes) stands in for it. It counts half without a free slot.
// Quality goes by the number of weights and how coarsely they are kept. Without weights, and among
// equals: the most free slots, then the first name.
absl::StatusOr<Selection> SelectModel(const inference::v1::ModelRequirements& requirements,
                                      std::span<const ModelOffer> offers);

// What is left of a model's quality in this quantisation, 0 to 1; 1 where it is not known.
double QualityOf(std::string_view quantization);

}  // namespace chasqui::router
