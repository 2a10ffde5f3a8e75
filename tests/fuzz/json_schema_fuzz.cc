// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/log/check.h"
#include "services/inference-worker/format/output_format.h"
#include "services/inference-worker/sampling/gbnf_check.h"

// Whatever is asked for is refused as the client's mistake, or has a grammar.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chasqui::inference::v1::OutputFormat format;
  format.set_json_schema(std::string(reinterpret_cast<const char*>(data), size));
  const auto grammar = chasqui::worker::OutputGrammar(format);
  if (grammar.ok()) {
    // It may go on in too many ways for libllama; what is wrong with its syntax has a line.
    const absl::Status checked = chasqui::worker::CheckGbnf(*grammar);
    CHECK(checked.ok() || !checked.message().starts_with("line ")) << checked;
  } else {
    CHECK(grammar.status().code() == absl::StatusCode::kInvalidArgument) << grammar.status();
  }
  return 0;
}
