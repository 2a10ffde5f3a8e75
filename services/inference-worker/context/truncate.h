// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/chat.pb.h"

namespace chasqui::worker {

// The messages of a chat that may be left out, oldest first, in groups that belong together: calls
// of tools and their answers. Never a system message, never the group of the last message. Pure.
std::vector<std::vector<std::size_t>> DroppableGroups(const inference::v1::ChatInput& chat);

// What is left of a chat.
struct KeptMessages {
  std::vector<bool> keep;  // one for each message
  std::uint32_t dropped = 0;
};

// Leaves out the fewest of the oldest messages with which the prompt has at most `most_tokens`.
// `count` tells how many tokens a prompt of those that are kept has; it is called as often as the
// logarithm of the messages. INVALID_ARGUMENT with the counts when what must stay is too long; its
// errors are handed on.
absl::StatusOr<KeptMessages> TruncateOldest(
    const inference::v1::ChatInput& chat, std::uint32_t most_tokens,
    const std::function<absl::StatusOr<std::size_t>(const std::vector<bool>& keep)>& count);

}  // namespace chasqui::worker
