// SPDX-License-Identifier: Apache-2.0
#include "services/router/relay/append_fields.h"

#include <string>
#include <vector>

#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include "chasqui/inference/v1/generate.pb.h"
#include "common/rpc/message.h"

namespace chasqui::router {
namespace {

using inference::v1::GenerateRequest;

GenerateRequest Parsed(const grpc::ByteBuffer& bytes) {
  GenerateRequest request;
  EXPECT_TRUE(rpc::Parse(bytes, request));
  return request;
}

TEST(AppendFields, SetsFieldsThatWereNotSet) {
  GenerateRequest request;
  request.set_prompt("hello");
  std::string fields;
  PutTextField(GenerateRequest::kRequestIdFieldNumber, "id-1", fields);
  PutTextField(GenerateRequest::kModelFieldNumber, "tiny", fields);

  const GenerateRequest patched = Parsed(AppendFields(rpc::Serialize(request), fields));

  request.set_request_id("id-1");
  request.set_model("tiny");
  EXPECT_EQ(patched.SerializeAsString(), request.SerializeAsString());
}

TEST(AppendFields, TakesThePlaceOfFieldsThatWereSet) {
  GenerateRequest request;
  request.set_model("an-alias");
  request.set_prompt("hello");
  std::string fields;
  PutTextField(GenerateRequest::kModelFieldNumber, std::string(300, 'm'), fields);

  const GenerateRequest patched = Parsed(AppendFields(rpc::Serialize(request), fields));

  EXPECT_EQ(patched.model(), std::string(300, 'm'));
  EXPECT_EQ(patched.prompt(), "hello");
}

TEST(AppendFields, TakesAMessageInManySlices) {
  GenerateRequest request;
  request.set_prompt("hello");
  std::vector<grpc::Slice> slices;
  for (const char c : request.SerializeAsString()) slices.emplace_back(&c, 1);
  std::string fields;
  PutTextField(GenerateRequest::kModelFieldNumber, "tiny", fields);

  const GenerateRequest patched =
      Parsed(AppendFields(grpc::ByteBuffer(slices.data(), slices.size()), fields));

  EXPECT_EQ(patched.prompt(), "hello");
  EXPECT_EQ(patched.model(), "tiny");
}

TEST(AppendFields, LeavesAMessageAsItIsWithoutFields) {
  GenerateRequest request;
  request.set_prompt("hello");

  EXPECT_EQ(Parsed(AppendFields(rpc::Serialize(request), "")).prompt(), "hello");
}

}  // namespace
}  // namespace chasqui::router
