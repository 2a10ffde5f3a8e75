// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/access_log.h"

#include <string>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "common/rpc/message.h"
#include "services/router/router_config.h"

namespace chasqui::router {
namespace {

using inference::v1::GenerateRequest;

GenerateRequest Request(const std::string& text) {
  GenerateRequest request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
  return request;
}

TEST(PromptText, IsThePromptOrTheConversation) {
  EXPECT_EQ(PromptText(Request("prompt: 'hello'"), 100), "hello");
  EXPECT_EQ(
      PromptText(Request("chat { messages { role: ROLE_SYSTEM parts { text: 'be kind' } } "
                         "messages { role: ROLE_USER parts { text: 'a' } parts { text: 'b' } } "
                         "}"),
                 100),
      "system: be kind\nuser: a b");
  EXPECT_EQ(PromptText(Request("tokens { ids: 1 }"), 100), "");
}

TEST(PromptText, IsBounded) {
  EXPECT_EQ(PromptText(Request("prompt: 'hello'"), 3), "hel");
  EXPECT_EQ(PromptText(Request("chat { messages { role: ROLE_USER parts { text: 'aaaa' } } "
                               "messages { role: ROLE_USER parts { text: 'b' } } }"),
                       8),
            "user: aa");
}

TEST(AccessLogPrompts, AreKeptOnlyWhereTheyWereAskedFor) {
  config::v1::AccessLogConfig config = DefaultConfig().access_log();
  const auto prompt = [&](std::string_view method) {
    for (const InferenceMethod& known : InferenceMethods()) {
      if (known.name != method) continue;
      return AccessLog(config, {}).PromptOf(known, rpc::Serialize(Request("prompt: 'hello'")));
    }
    return std::string("no such method");
  };
  EXPECT_EQ(prompt("StreamGenerate"), "");

  config.set_prompts(true);

  EXPECT_EQ(prompt("StreamGenerate"), "hello");
  EXPECT_EQ(prompt("Embed"), "");
}

}  // namespace
}  // namespace chasqui::router
