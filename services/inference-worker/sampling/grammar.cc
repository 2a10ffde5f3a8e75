// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/sampling/grammar.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <exception>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/inference-worker/model/backend.h"
#include "services/inference-worker/sampling/gbnf_check.h"

namespace chasqui::worker {
namespace {

// Of processor time, for one token; a token usually takes microseconds.
constexpr double kLongestAccept = 0.05;

// The processor's time, not the clock's: a thread that has to wait has done nothing wrong.
double ThreadSeconds() {
  timespec time{};
  // lint: allow(now): what this thread has worked, which is no time of any clock
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Grammar>> Grammar::Parse(const Vocabulary& vocabulary,
                                                        const std::string& gbnf,
                                                        std::string_view field,
                                                        const TokenIds& visible_markers) {
  GbnfFacts facts;
  if (const auto checked = CheckGbnf(gbnf, &facts); !checked.ok())
    return status::InvalidArgument(field, absl::StrCat("does not parse: ", checked.message()));
  std::string reason;
  try {
    const LogCapture capture;
    llama_sampler_ptr sampler(llama_sampler_init_grammar(vocabulary.get(), gbnf.c_str(), "root"));
    if (sampler) {
      TokenIds hidden = facts.names_tokens ? TokenIds() : vocabulary.inner_markers();
      std::erase_if(hidden, [&](TokenId id) { return std::ranges::contains(visible_markers, id); });
      return std::unique_ptr<Grammar>(new Grammar(std::move(sampler), std::move(hidden)));
    }
    reason = capture.Reason();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  return status::InvalidArgument(
      field, absl::StrCat("does not parse: ", reason.empty() ? "no reason given" : reason));
}

bool Grammar::IsHidden(TokenId token) const { return std::ranges::binary_search(hidden_, token); }

void Grammar::Apply() {
  llama_token_data_array array{tokens_.data(), tokens_.size(), -1, false};
  llama_sampler_apply(sampler_.get(), &array);
}

bool Grammar::Allows(TokenId token) {
  if (IsHidden(token)) return false;
  tokens_.assign(1, {token, 0, 0});
  Apply();
  return std::isfinite(tokens_.front().logit);
}

void Grammar::Keep(Candidates& candidates) {
  std::erase_if(candidates, [&](const Candidate& c) { return IsHidden(c.id); });
  tokens_.clear();
  for (const auto& c : candidates) tokens_.push_back({c.id, c.logit, 0});
  Apply();
  std::size_t i = 0;
  std::erase_if(candidates, [&](const Candidate&) { return !std::isfinite(tokens_[i++].logit); });
}

void Grammar::Mask(std::span<float> logits) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  for (const TokenId id : hidden_) logits[static_cast<std::size_t>(id)] = kNever;
  tokens_.clear();
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (std::isfinite(logits[id])) tokens_.push_back({static_cast<TokenId>(id), logits[id], 0});
  }
  Apply();
  for (const auto& token : tokens_) {
    if (!std::isfinite(token.logit)) logits[static_cast<std::size_t>(token.id)] = kNever;
  }
}

bool Grammar::Accept(TokenId token) {
  if (IsHidden(token)) return false;
  const double began = ThreadSeconds();
  try {
    llama_sampler_accept(sampler_.get(), token);
    overrun_ |= ThreadSeconds() - began > kLongestAccept;
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace chasqui::worker
