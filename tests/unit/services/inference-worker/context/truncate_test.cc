// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/context/truncate.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gmock/gmock.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using ::testing::HasSubstr;
using Groups = std::vector<std::vector<std::size_t>>;

// One letter a message: System, User, Assistant, assistant that Calls, Tool.
v1::ChatInput Chat(std::string_view roles) {
  v1::ChatInput chat;
  for (const char role : roles) {
    auto& message = *chat.add_messages();
    if (role == 'C') message.add_tool_calls()->set_name("f");
    message.set_role(role == 'S'   ? v1::ROLE_SYSTEM
                     : role == 'U' ? v1::ROLE_USER
                     : role == 'T' ? v1::ROLE_TOOL
                                   : v1::ROLE_ASSISTANT);
  }
  return chat;
}

TEST(DroppableGroups, KeepsWhatBelongsTogether) {
  const struct {
    const char* roles;
    Groups groups;
  } kCases[] = {
      {"U", {}},
      {"SU", {}},
      {"SUAU", {{1}, {2}}},
      {"UAS", {{0}, {1}}},
      {"SUCTTAU", {{1}, {2, 3, 4}, {5}}},
      {"UCTCTU", {{0}, {1, 2}, {3, 4}}},
      {"UCTT", {{0}}},
      {"UCSTU", {{0}, {1}, {3}}},
      {"TTU", {{0, 1}}},
  };
  for (const auto& c : kCases) EXPECT_EQ(DroppableGroups(Chat(c.roles)), c.groups) << c.roles;
}

// Ten tokens for each message that is kept.
absl::StatusOr<std::size_t> TenEach(const std::vector<bool>& keep) {
  return 10 * static_cast<std::size_t>(std::ranges::count(keep, true));
}

std::string Kept(const std::string& roles, std::uint32_t most_tokens) {
  const auto kept = TruncateOldest(Chat(roles), most_tokens, TenEach);
  if (!kept.ok()) return std::string(kept.status().message());
  std::string left;
  for (std::size_t i = 0; i < roles.size(); ++i) {
    if (kept->keep[i]) left += roles[i];
  }
  EXPECT_EQ(kept->dropped, roles.size() - left.size());
  return left;
}

TEST(TruncateOldest, LeavesOutAsLittleAsItCan) {
  EXPECT_EQ(Kept("SUAUAU", 60), "SUAUAU");
  EXPECT_EQ(Kept("SUAUAU", 59), "SAUAU");
  EXPECT_EQ(Kept("SUAUAU", 30), "SAU");
  EXPECT_EQ(Kept("SUAUAU", 20), "SU");
  EXPECT_EQ(Kept("SUCTTAU", 65), "SCTTAU");
  EXPECT_EQ(Kept("SUCTTAU", 55), "SAU");
}

TEST(TruncateOldest, SaysHowLongWhatMustStayIs) {
  EXPECT_THAT(Kept("SUAU", 19), HasSubstr("20 tokens as a prompt, the context has 19"));
}

TEST(TruncateOldest, HandsErrorsOn) {
  const auto fails = [](const std::vector<bool>&) -> absl::StatusOr<std::size_t> {
    return absl::InternalError("no");
  };

  EXPECT_EQ(TruncateOldest(Chat("UAU"), 5, fails).status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace chasqui::worker
