// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/grpc_status.h"

#include <string>

#include <gtest/gtest.h>

#include "absl/strings/cord.h"
#include "common/status/status.h"
#include "google/rpc/status.pb.h"

namespace chasqui::rpc {
namespace {

using std::chrono::milliseconds;

TEST(GrpcStatus, CarriesDetailsThereAndBack) {
  const absl::Status sent = status::Unavailable("NO_WORKER", "none is ready", milliseconds(300));

  const absl::Status received = FromGrpc(ToGrpc(sent));

  EXPECT_EQ(received, sent);
  EXPECT_EQ(status::RetryDelay(received), milliseconds(300));
}

TEST(GrpcStatus, DetailsRepeatTheCodeAndTheMessage) {
  const grpc::Status sent = ToGrpc(status::InvalidArgument("model", "must be set"));

  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(sent.error_details()));
  EXPECT_EQ(details.code(), 3);
  EXPECT_EQ(details.message(), sent.error_message());
}

TEST(GrpcStatus, AnErrorWithoutDetailsHasNone) {
  EXPECT_TRUE(ToGrpc(absl::InternalError("x")).error_details().empty());
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status()).ok());
}

TEST(GrpcStatus, ForeignPayloadsStayHere) {
  absl::Status error = absl::InternalError("x");
  error.SetPayload("internal/note", absl::Cord("secret"));

  EXPECT_TRUE(ToGrpc(error).error_details().empty());
}

TEST(GrpcStatus, BrokenDetailsAreLeftOut) {
  const grpc::Status received(grpc::StatusCode::NOT_FOUND, "gone", "\xff\xff not a message");

  EXPECT_EQ(FromGrpc(received), absl::NotFoundError("gone"));
}

TEST(GrpcStatus, LargeErrorsFitTheHeaders) {
  std::vector<status::FieldViolation> violations(500, {"messages[0].content", "is wrong"});
  const absl::Status error =
      status::WithRetryDelay(status::InvalidArgument(violations), milliseconds(5));

  const grpc::Status sent = ToGrpc(error);

  EXPECT_LE(sent.error_message().size(), 1024u);
  EXPECT_LE(sent.error_details().size(), 4200u);
  EXPECT_EQ(status::RetryDelay(FromGrpc(sent)), milliseconds(5)) << "small details stay";
}

TEST(GrpcStatus, DoesNotCutACharacterInHalf) {
  std::string message(1019, 'x');
  for (int i = 0; i < 10; ++i) message += "\xe2\x82\xac";

  const grpc::Status sent = ToGrpc(absl::InternalError(message));

  EXPECT_TRUE(sent.error_message().ends_with("x\xe2\x82\xac...") ||
              sent.error_message().ends_with("x..."));
}

TEST(GrpcStatus, PushbackIsTheRetryDelay) {
  EXPECT_EQ(RetryPushback(status::Unavailable("X", "x", milliseconds(1500))), "1500");
  EXPECT_EQ(RetryPushback(absl::UnavailableError("x")), std::nullopt);
}

}  // namespace
}  // namespace chasqui::rpc
