// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace chasqui::worker {

// What a grammar is made of.
struct GbnfFacts {
  bool names_tokens = false;  // by id or by their text, beside characters
};

// Whether `gbnf` is a grammar: its syntax, a rule "root", no rule missing or left out of bounds.
// Asked before libllama's own parser, which writes what it does not like (and the grammar with it)
// to standard error and tells its caller nothing. INVALID_ARGUMENT says where and why, in one line.
// What only libllama knows, such as left recursion, passes. Fills `facts` when it is right. Pure.
absl::Status CheckGbnf(std::string_view gbnf, GbnfFacts* facts = nullptr);

}  // namespace chasqui::worker
