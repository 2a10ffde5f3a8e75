// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/sampling.pb.h"

namespace chasqui::worker {

// The grammar, in GBNF, of the texts that `format` allows; "" when it allows all. A grammar is
// passed on as it is. INVALID_ARGUMENT names the field under "output_format" and what is wrong.
// Pure.
absl::StatusOr<std::string> OutputGrammar(const inference::v1::OutputFormat& format);

}  // namespace chasqui::worker
