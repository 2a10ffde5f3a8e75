// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "chasqui/inference/v1/generate.pb.h"
#include "chasqui/inference/v1/usage.pb.h"
#include "services/inference-worker/engine/generation.h"

namespace chasqui::worker {

// Who answers a request; what Started tells beside the engine's part.
struct AnswerIdentity {
  std::string request_id;
  std::string model;
  std::string model_fingerprint;
  std::string worker_id;
  std::uint64_t seed = 0;
};

// The engine's events in the protocol's terms. Pure.
inference::v1::Started MapStarted(const GenerationStarted& started, const AnswerIdentity& identity);
// `vocabulary` tells the bytes of tokens with log probabilities.
inference::v1::Chunk MapChunk(const TextPiece& piece, const Vocabulary& vocabulary);
inference::v1::TokenLogprob MapLogprob(const TokenLogprob& measured, const Vocabulary& vocabulary);
inference::v1::Finished MapFinished(const GenerationFinished& finished, bool include_timings);
inference::v1::Usage MapUsage(const GenerationFinished& finished);

}  // namespace chasqui::worker
