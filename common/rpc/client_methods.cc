// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/client_methods.h"

#include "absl/strings/str_cat.h"

namespace chasqui::rpc::internal {

absl::Status BadResponse(std::string_view message_name) {
  return absl::InternalError(absl::StrCat("the server sent bytes that are not a ", message_name));
}

}  // namespace chasqui::rpc::internal
