// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/context/truncate.h"

#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using Groups = std::vector<std::vector<std::size_t>>;

KeptMessages WithoutOldest(const Groups& groups, std::size_t count, std::size_t messages) {
  KeptMessages kept;
  kept.keep.assign(messages, true);
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::size_t message : groups[i]) kept.keep[message] = false;
    kept.dropped += static_cast<std::uint32_t>(groups[i].size());
  }
  return kept;
}

}  // namespace

Groups DroppableGroups(const v1::ChatInput& chat) {
  Groups groups;
  bool open = false;  // answers of tools belong to the last group
  for (int i = 0; i < chat.messages_size(); ++i) {
    const auto& message = chat.messages(i);
    if (message.role() == v1::ROLE_SYSTEM) {
      open = false;
      continue;
    }
    if (!open || message.role() != v1::ROLE_TOOL) groups.emplace_back();
    groups.back().push_back(static_cast<std::size_t>(i));
    open = message.role() == v1::ROLE_TOOL || message.tool_calls_size() > 0;
  }
  const auto last = static_cast<std::size_t>(chat.messages_size()) - 1;
  if (!groups.empty() && groups.back().back() == last) groups.pop_back();
  return groups;
}

absl::StatusOr<KeptMessages> TruncateOldest(
    const v1::ChatInput& chat, std::uint32_t most_tokens,
    const std::function<absl::StatusOr<std::size_t>(const std::vector<bool>& keep)>& count) {
  const Groups groups = DroppableGroups(chat);
  const auto messages = static_cast<std::size_t>(chat.messages_size());
  // The most that can be left out first: when that is too long no search is needed.
  KeptMessages best = WithoutOldest(groups, groups.size(), messages);
  ABSL_ASSIGN_OR_RETURN(const std::size_t shortest, count(best.keep));
  if (shortest > most_tokens) {
    return status::InvalidArgument(
        "chat.messages",
        absl::StrCat("the system message and the last one have ", shortest,
                     " tokens as a prompt, the context has ", most_tokens, " for it"));
  }
  std::size_t low = 0;
  std::size_t high = groups.size();  // known to fit
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    KeptMessages tried = WithoutOldest(groups, middle, messages);
    ABSL_ASSIGN_OR_RETURN(const std::size_t tokens, count(tried.keep));
    if (tokens > most_tokens) {
      low = middle + 1;
    } else {
      high = middle;
      best = std::move(tried);
    }
  }
  return best;
}

}  // namespace chasqui::worker
