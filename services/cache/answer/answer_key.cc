// SPDX-License-Identifier: Apache-2.0
#include "services/cache/answer/answer_key.h"

#include "absl/strings/escaping.h"

namespace chasqui::cache {

std::string AnswerKey::Hex() const { return absl::BytesToHexString(bytes()); }

}  // namespace chasqui::cache
