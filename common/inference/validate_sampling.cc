// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "common/inference/validate_parts.h"

namespace chasqui::inference {
namespace {

// The path of a field of the message at `path`.
std::string Field(std::string_view path, std::string_view name) {
  return absl::StrCat(path, ".", name);
}

void CheckPenalties(const v1::RepetitionPenalties& penalties, const std::string& path,
                    Violations& v) {
  v.AtMost(Field(path, "last_n"), penalties.last_n(), 65'536, "tokens");
  if (penalties.has_repeat()) v.Above(Field(path, "repeat"), penalties.repeat(), 0, 10);
  v.InRange(Field(path, "frequency"), penalties.frequency(), -2, 2);
  v.InRange(Field(path, "presence"), penalties.presence(), -2, 2);
}

void CheckDry(const v1::DryOptions& dry, const std::string& path, Violations& v) {
  v.InRange(Field(path, "multiplier"), dry.multiplier(), 0, 10);
  if (dry.has_base()) v.InRange(Field(path, "base"), dry.base(), 1, 10);
  v.AtMost(Field(path, "allowed_length"), dry.allowed_length(), 1024, "tokens");
  v.AtMost(Field(path, "last_n"), dry.last_n(), 65'536, "tokens");
  v.AtMost(Field(path, "sequence_breakers"), dry.sequence_breakers_size(), 16, "strings");
  for (int i = 0; i < dry.sequence_breakers_size(); ++i) {
    const auto& breaker = dry.sequence_breakers(i);
    const auto field = absl::StrCat(Field(path, "sequence_breakers"), "[", i, "]");
    if (breaker.empty()) v.Add(field, "must not be empty");
    v.AtMost(field, breaker.size(), 64, "bytes");
  }
}

void CheckXtc(const v1::XtcOptions& xtc, const std::string& path, Violations& v) {
  v.InRange(Field(path, "probability"), xtc.probability(), 0, 1);
  v.InRange(Field(path, "threshold"), xtc.threshold(), 0, 0.5);
}

void CheckMirostat(const v1::MirostatOptions& mirostat, const std::string& path, Violations& v) {
  if (mirostat.has_tau()) v.Above(Field(path, "tau"), mirostat.tau(), 0, 100);
  if (mirostat.has_eta()) v.Above(Field(path, "eta"), mirostat.eta(), 0, 1);
}

void CheckChoice(const v1::ChoiceFormat& choice, const std::string& path, Violations& v) {
  if (choice.choices().empty()) v.Add(path, "must not be empty");
  v.AtMost(path, choice.choices_size(), 256, "strings");
  for (int i = 0; i < choice.choices_size(); ++i) {
    const auto field = absl::StrCat(path, "[", i, "]");
    if (choice.choices(i).empty()) v.Add(field, "must not be empty");
    v.AtMost(field, choice.choices(i).size(), 1024, "bytes");
  }
}

}  // namespace

void CheckSampling(const v1::SamplingOptions& s, std::string_view path, Violations& v) {
  v.InRange(Field(path, "temperature"), s.temperature(), 0, 10);
  v.AtMost(Field(path, "top_k"), s.top_k(), 1000, "tokens");
  if (s.has_top_p()) v.Above(Field(path, "top_p"), s.top_p(), 0, 1);
  v.InRange(Field(path, "min_p"), s.min_p(), 0, 1);
  if (s.has_typical_p()) v.Above(Field(path, "typical_p"), s.typical_p(), 0, 1);
  v.InRange(Field(path, "top_n_sigma"), s.top_n_sigma(), 0, 100);
  v.InRange(Field(path, "dynamic_temperature_range"), s.dynamic_temperature_range(), 0, 10);
  if (s.has_dynamic_temperature_exponent()) {
    v.Above(Field(path, "dynamic_temperature_exponent"), s.dynamic_temperature_exponent(), 0, 10);
  }
  if (s.has_penalties()) CheckPenalties(s.penalties(), Field(path, "penalties"), v);
  if (s.has_dry()) CheckDry(s.dry(), Field(path, "dry"), v);
  if (s.has_xtc()) CheckXtc(s.xtc(), Field(path, "xtc"), v);
  if (s.has_mirostat()) CheckMirostat(s.mirostat(), Field(path, "mirostat"), v);

  v.AtMost(Field(path, "logit_bias"), s.logit_bias_size(), 1024, "entries");
  for (const auto& [token, bias] : s.logit_bias())
    v.InRange(absl::StrCat(Field(path, "logit_bias"), "[", token, "]"), bias, -100, 100);
}

void CheckStop(const v1::StopOptions& stop, std::string_view path, Violations& v) {
  if (stop.max_tokens() != 0 && stop.min_tokens() > stop.max_tokens()) {
    v.Add(Field(path, "min_tokens"), absl::StrCat("must be at most max_tokens (", stop.max_tokens(),
                                                  "), is ", stop.min_tokens()));
  }
  v.AtMost(Field(path, "strings"), stop.strings_size(), 16, "strings");
  for (int i = 0; i < stop.strings_size(); ++i) {
    const auto field = absl::StrCat(Field(path, "strings"), "[", i, "]");
    if (stop.strings(i).empty()) v.Add(field, "must not be empty");
    v.AtMost(field, stop.strings(i).size(), 256, "bytes");
  }
  v.AtMost(Field(path, "token_ids"), stop.token_ids_size(), 64, "ids");
  if (stop.has_max_time() && stop.max_time().seconds() <= 0 && stop.max_time().nanos() <= 0)
    v.Add(Field(path, "max_time"), "must be above 0");
}

void CheckOutputFormat(const v1::OutputFormat& format, std::string_view path, Violations& v) {
  switch (format.format_case()) {
    case v1::OutputFormat::kGrammar:
      if (format.grammar().empty()) v.Add(Field(path, "grammar"), "must not be empty");
      v.AtMost(Field(path, "grammar"), format.grammar().size(), std::size_t{256} << 10, "bytes");
      break;
    case v1::OutputFormat::kJsonSchema:
      v.AtMost(Field(path, "json_schema"), format.json_schema().size(), std::size_t{256} << 10,
               "bytes");
      break;
    case v1::OutputFormat::kRegex:
      v.AtMost(Field(path, "regex"), format.regex().size(), std::size_t{16} << 10, "bytes");
      break;
    case v1::OutputFormat::kChoice:
      CheckChoice(format.choice(), Field(path, "choice.choices"), v);
      break;
    case v1::OutputFormat::kJsonObject:
    case v1::OutputFormat::FORMAT_NOT_SET:
      break;
  }
}

}  // namespace chasqui::inference
