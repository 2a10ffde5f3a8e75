// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

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
  double decode_seconds(std::uint32_t answers) const { return decodes_.At(answers); }
  // How many prompt tokens take so long beside that, for a pass of many costs less for each than
  // one of few: by lines as above, through nothing; beyond the largest number, in proportion. 0:
  // nothing was measured.
  double prompt_tokens(double seconds) const;
  // Of a prompt token, as of late. 0: not measured.
  double seconds_per_prompt_token() const { return seconds_per_prompt_token_; }

 private:
  struct Point {
    double count = 0;  // 0: not measured
    double seconds = 0;
  };

  // Seconds by count, one point for each power of two.
  class Curve {
   public:
    void Measure(std::uint32_t count, double seconds);
    double At(double count) const;
    std::span<const Point> points() const { return points_; }

   private:
    std::array<Point, 20> points_{};
  };

  Curve decodes_;
  Curve prompts_;
  double seconds_per_prompt_token_ = 0;
};

}  // namespace chasqui::worker
