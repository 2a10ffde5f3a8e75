// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/engine/warm_up.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "absl/status/status_macros.h"

namespace chasqui::worker {
namespace {

// From this many columns on, kernels of matrix products differ by powers of two only.
constexpr std::uint32_t kSmallProduct = 8;

class WarmUpRun {
 public:
  WarmUpRun(DecodeContext& context, const EngineOptions& options, EngineMeter& meter,
            absl::FunctionRef<void()> await_turn)
      : context_(context), options_(options), meter_(meter), await_turn_(await_turn) {}

  std::uint32_t longest_prompt() const {
    return std::min(
        {options_.micro_batch_tokens, options_.batch_tokens, context_.context_tokens() - 1});
  }

  // Every number of answers and length of prompt that has kernels of its own.
  absl::Status Sizes() {
    for (std::uint32_t answers = 1; answers <= options_.slots;
         answers += answers < kSmallProduct ? 1 : answers) {
      ABSL_RETURN_IF_ERROR(Decode(answers, 0).status());
      Clear(answers);
    }
    for (std::uint32_t tokens = 2 * kSmallProduct; tokens < longest_prompt(); tokens *= 2) {
      ABSL_RETURN_IF_ERROR(Prompt(tokens).status());
    }
    return Prompt(longest_prompt()).status();
  }

  // Prompts of several lengths, the short ones first: one that takes long is the last.
  absl::Status MeasurePrompts() {
    constexpr std::uint32_t kShortest = 32;
    constexpr auto kLong = std::chrono::milliseconds(300);
    std::uint32_t tokens = std::min(kShortest, longest_prompt());
    while (true) {
      StepReport report{.sequences = 1, .prompt_tokens = tokens};
      ABSL_ASSIGN_OR_RETURN(report.duration, Prompt(tokens));
      meter_.OnWarmUp(report);
      if (tokens == longest_prompt() || report.duration > kLong) return absl::OkStatus();
      tokens = std::min(4 * tokens, longest_prompt());
    }
  }

  absl::Status MeasureDecoding(std::uint32_t answers) {
    // Enough that some are undisturbed on a busy machine; a large model has told enough after two.
    constexpr std::uint32_t kMostRounds = 9;
    constexpr auto kLongest = std::chrono::milliseconds(500);
    const auto began = time::SteadyNow();
    StepReport report{.sequences = answers, .decoding = answers, .generated_tokens = answers};
    for (std::uint32_t round = 0; round < kMostRounds; ++round) {
      if (round > 2 && time::SteadyNow() - began > kLongest) break;
      ABSL_ASSIGN_OR_RETURN(report.duration, Decode(answers, round));
      // The first round pays for what is done once.
      if (round > 0) meter_.OnWarmUp(report);
    }
    Clear(answers);
    return absl::OkStatus();
  }

 private:
  // How long a step takes.
  absl::StatusOr<time::Duration> Step(std::span<const DecodePart> parts) {
    await_turn_();
    const auto began = time::SteadyNow();
    ABSL_RETURN_IF_ERROR(context_.Decode(parts, [] { return false; }));
    context_.Logits(0);
    return time::SteadyNow() - began;
  }

  absl::StatusOr<time::Duration> Prompt(std::uint32_t tokens) {
    const TokenIds prompt(tokens, 0);
    const DecodePart part{.sequence = 0, .position = 0, .tokens = prompt, .samples = true};
    ABSL_ASSIGN_OR_RETURN(const auto duration, Step({&part, 1}));
    Clear(1);
    return duration;
  }

  absl::StatusOr<time::Duration> Decode(std::uint32_t answers, std::uint32_t position) {
    const TokenId token = 0;
    std::vector<DecodePart> parts;
    for (std::uint32_t slot = 0; slot < answers; ++slot) {
      parts.push_back(
          {.sequence = slot, .position = position, .tokens = {&token, 1}, .samples = true});
    }
    return Step(parts);
  }

  void Clear(std::uint32_t sequences) {
    for (std::uint32_t slot = 0; slot < sequences; ++slot) context_.Remove(slot);
  }

  DecodeContext& context_;
  const EngineOptions& options_;
  EngineMeter& meter_;
  const absl::FunctionRef<void()> await_turn_;
};

}  // namespace

absl::Status WarmUp(DecodeContext& context, const EngineOptions& options, EngineMeter& meter,
                    absl::FunctionRef<void()> await_turn) {
  WarmUpRun run(context, options, meter, await_turn);
  if (context.on_gpu()) {
    ABSL_RETURN_IF_ERROR(run.Sizes());
  }
  ABSL_RETURN_IF_ERROR(run.MeasurePrompts());
  ABSL_RETURN_IF_ERROR(run.MeasureDecoding(options.slots));
  return options.slots > 1 ? run.MeasureDecoding(1) : absl::OkStatus();
}

}  // namespace chasqui::worker
