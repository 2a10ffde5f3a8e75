// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/log/check.h"
#include "services/inference-worker/sampling/gbnf_check.h"

// Every text is a grammar or refused as the client's mistake.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto status =
      chasqui::worker::CheckGbnf(std::string_view(reinterpret_cast<const char*>(data), size));
  CHECK(status.ok() || status.code() == absl::StatusCode::kInvalidArgument) << status;
  return 0;
}
