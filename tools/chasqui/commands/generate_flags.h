// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/generate.pb.h"

namespace chasqui::cli {

// The flags of `generate` and `chat` that say how to generate. What is not given stays unset in the
// request, so that the server's defaults hold. Thread-compatible.
struct GenerateFlags {
  std::string request_file;  // a GenerateRequest as JSON; flags come on top of it
  std::string model;
  std::string request_id;
  std::string priority;

  bool greedy = false;
  std::optional<float> temperature;
  std::optional<uint32_t> top_k;
  std::optional<float> top_p;
  std::optional<float> min_p;
  std::optional<float> typical_p;
  std::optional<float> repeat_penalty;
  std::optional<float> frequency_penalty;
  std::optional<float> presence_penalty;
  std::optional<uint32_t> repeat_last_n;
  std::optional<uint64_t> seed;

  uint32_t max_tokens = 0;
  uint32_t min_tokens = 0;
  std::vector<std::string> stop;
  bool ignore_eos = false;

  std::string grammar_file;
  std::string json_schema_file;
  std::string regex;
  bool json_object = false;
  std::vector<std::string> choices;

  std::vector<std::string> lora;  // NAME or NAME=SCALE

  bool timings = false;

  std::string cache;  // bypass, refresh, require; empty: default
  std::vector<std::string> tags;

  // Adds the flags to `app`; `this` outlives it.
  void AddTo(CLI::App& app);

  // A request without input. Fails when a file cannot be read or is no request, or a scale is no
  // number.
  absl::StatusOr<chasqui::inference::v1::GenerateRequest> Build() const;
};

}  // namespace chasqui::cli
