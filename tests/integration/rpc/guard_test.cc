// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <string>

#include <gtest/gtest.h>

#include "common/status/status.h"
#include "tests/integration/rpc/rpc_fixture.h"

namespace chasqui::rpc {
namespace {

// Lets pass whoever says the word.
class Guard : public RpcTest {
 protected:
  Guard() {
    server().SetGuard([this](const ServerCall& call) {
      ++asked_;
      if (call.Metadata("word") == "open") return absl::OkStatus();
      return status::Error(absl::StatusCode::kUnauthenticated, "NO_WORD",
                           "say the word for " + std::string(call.method()));
    });
    RegisterUnary<StringValue, StringValue>(
        server(), "/test.Echo/Unary",
        [this](ServerCall&, StringValue request) -> Task<absl::StatusOr<StringValue>> {
          ++served_;
          co_return request;
        });
    Start();
  }

  std::atomic<int> asked_ = 0;
  std::atomic<int> served_ = 0;
};

TEST_F(Guard, DecidesBeforeTheHandler) {
  const auto refused = Call("/test.Echo/Unary", Text("x"));

  EXPECT_TRUE(absl::IsUnauthenticated(refused.status()));
  EXPECT_EQ(status::ErrorReason(refused.status()), "NO_WORD");
  EXPECT_EQ(refused.status().message(), "say the word for /test.Echo/Unary");
  EXPECT_EQ(served_, 0);
}

TEST_F(Guard, LetsPassWhatItAllows) {
  const auto answer = Call("/test.Echo/Unary", Text("x"), {.metadata = {{"word", "open"}}});

  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->value(), "x");
  EXPECT_EQ(asked_, 1);
}

TEST_F(Guard, IsNotAskedForMethodsThatAreNotThere) {
  EXPECT_TRUE(absl::IsUnimplemented(Call("/test.Echo/None", Text("x")).status()));
  EXPECT_EQ(asked_, 0);
}

TEST_F(Guard, StandsBeforeTheServersOwnServicesToo) {
  const auto health = RunOn(loop(), [&] {
    return CallUnary<StringValue>(loop(), channel(), "/grpc.health.v1.Health/Check", Text(""));
  });

  EXPECT_TRUE(absl::IsUnauthenticated(health.status()));
}

}  // namespace
}  // namespace chasqui::rpc
