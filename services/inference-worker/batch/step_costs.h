// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace chasqui::worker {

// What steps cost here, as measured; the last few count most, for costs change as contexts grow.
class StepCosts {
 public:
  // A step in which `answers` got their next token, and no prompt was computed.
  void OnDecode(std::uint32_t answers, double seconds);
  // `tokens` of prompts took `seconds`; what was decoded beside them is not part of it.
  void OnPrompt(std::uint32_t tokens, double seconds);

  // How long a step takes in which so many answers get their next token: between the nearest
  // numbers that were measured, by a line; beyond them, as the nearest. 0: nothing was measured.
  double decode_seconds(std::uint32_t answers) const;
  // 0: not measured.
  double seconds_per_prompt_token() const { return seconds_per_prompt_token_; }

 private:
  struct Decode {
    double answers = 0;  // 0: not measured
    double seconds = 0;
  };

  // By the number's power of two.
  std::array<Decode, 16> decodes_{};
  double seconds_per_prompt_token_ = 0;
};

}  // namespace chasqui::worker
