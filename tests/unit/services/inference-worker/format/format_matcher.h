// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "services/inference-worker/format/output_format.h"
#include "services/inference-worker/sampling/gbnf_check.h"
#include "services/inference-worker/sampling/grammar.h"
#include "tests/support/inference-worker/tiny_model.h"

namespace chasqui::worker {

inline inference::v1::OutputFormat SchemaFormat(std::string_view schema) {
  inference::v1::OutputFormat format;
  format.set_json_schema(std::string(schema));
  return format;
}

inline inference::v1::OutputFormat RegexFormat(std::string_view regex) {
  inference::v1::OutputFormat format;
  format.set_regex(std::string(regex));
  return format;
}

// Whether `text`, and nothing after it, is what `format` asks for, in the judgement of libllama
// with the vocabulary of the model that ships.
inline bool Accepts(const inference::v1::OutputFormat& format, std::string_view text) {
  const auto gbnf = OutputGrammar(format);
  EXPECT_TRUE(gbnf.ok()) << gbnf.status();
  if (!gbnf.ok()) return false;
  const auto checked = CheckGbnf(*gbnf);
  EXPECT_TRUE(checked.ok()) << checked << "\n" << *gbnf;
  const Vocabulary& vocabulary = TinyModel()->vocabulary();
  const auto grammar = Grammar::Parse(vocabulary, *gbnf, "format");
  EXPECT_TRUE(grammar.ok()) << grammar.status() << "\n" << *gbnf;
  if (!grammar.ok()) return false;
  for (const TokenId token : vocabulary.Tokenize(text, Markers::kAreText)) {
    if (!(*grammar)->Allows(token) || !(*grammar)->Accept(token)) return false;
  }
  return (*grammar)->Allows(vocabulary.end_tokens().front());
}

}  // namespace chasqui::worker
