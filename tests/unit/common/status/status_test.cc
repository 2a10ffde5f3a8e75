// SPDX-License-Identifier: Apache-2.0
#include "common/status/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"

namespace chasqui::status {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Status, InvalidArgumentNamesEveryField) {
  const absl::Status error = InvalidArgument(
      {{"sampling.temperature", "must be at least 0"}, {"messages[2]", "must not be empty"}});

  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(FieldViolations(error),
              ElementsAre(FieldViolation{"sampling.temperature", "must be at least 0"},
                          FieldViolation{"messages[2]", "must not be empty"}));
  EXPECT_THAT(std::string(error.message()), HasSubstr("sampling.temperature: must be"));
}

TEST(Status, NotFoundTellsTheResource) {
  const absl::Status error = NotFound("model", "llama-9", "no worker serves it");

  google::rpc::ResourceInfo info;
  ASSERT_TRUE(GetDetail(error, info));
  EXPECT_EQ(info.resource_type(), "model");
  EXPECT_EQ(info.resource_name(), "llama-9");
  EXPECT_EQ(error.message(), "model 'llama-9': no worker serves it");
}

TEST(Status, UnavailableTellsWhyAndWhenToRetry) {
  const absl::Status error = Unavailable("NO_WORKER", "none is ready", milliseconds(1250));

  EXPECT_TRUE(absl::IsUnavailable(error));
  EXPECT_TRUE(IsRetryable(error));
  EXPECT_EQ(ErrorReason(error), "NO_WORKER");
  EXPECT_EQ(RetryDelay(error), milliseconds(1250));
}

TEST(Status, QuotaExceededTellsWhoseQuota) {
  const absl::Status error =
      QuotaExceeded("TOKENS_PER_MINUTE", "10000 tokens a minute", "key:team-a", milliseconds(20));

  google::rpc::QuotaFailure failure;
  ASSERT_TRUE(GetDetail(error, failure));
  EXPECT_EQ(failure.violations(0).subject(), "key:team-a");
  EXPECT_EQ(RetryDelay(error), milliseconds(20));
  EXPECT_EQ(error.code(), absl::StatusCode::kResourceExhausted);
}

TEST(Status, PlainErrorsHaveNoDetails) {
  const absl::Status error = absl::InternalError("broken");

  EXPECT_EQ(RetryDelay(error), std::nullopt);
  EXPECT_EQ(ErrorReason(error), "");
  EXPECT_TRUE(FieldViolations(error).empty());
  EXPECT_FALSE(IsRetryable(error));
}

TEST(Status, WithRetryDelayReplacesTheDelay) {
  const absl::Status error =
      WithRetryDelay(Unavailable("X", "x", milliseconds(1)), milliseconds(2));

  EXPECT_EQ(RetryDelay(error), milliseconds(2));
}

}  // namespace
}  // namespace chasqui::status
