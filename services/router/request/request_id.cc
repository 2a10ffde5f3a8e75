// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/request_id.h"

#include <cstdint>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "common/inference/validate.h"

namespace chasqui::router {

std::string RandomHex() {
  thread_local absl::BitGen random;
  return absl::StrCat(absl::Hex(absl::Uniform<std::uint64_t>(random), absl::kZeroPad16));
}

std::string ChooseRequestId(std::string_view in_message,
                            std::optional<std::string_view> in_metadata) {
  if (!in_message.empty()) return std::string(in_message);
  if (in_metadata.has_value() && inference::IsRequestId(*in_metadata)) {
    return std::string(*in_metadata);
  }
  return absl::StrCat(RandomHex(), RandomHex());
}

}  // namespace chasqui::router
