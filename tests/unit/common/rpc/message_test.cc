// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/message.h"

#include <string>
#include <vector>

#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

namespace chasqui::rpc {
namespace {

using google::protobuf::StringValue;

StringValue Text(std::string text) {
  StringValue value;
  value.set_value(std::move(text));
  return value;
}

TEST(Message, ComesBackAsItWas) {
  for (size_t size : {0u, 1u, 100u, 5'000'000u}) {
    const StringValue sent = Text(std::string(size, 'x'));
    StringValue received = Text("old");

    ASSERT_TRUE(Parse(Serialize(sent), received));

    EXPECT_EQ(received.value(), sent.value());
  }
}

TEST(Message, ParsesBytesInPiecesAndLeavesThem) {
  const std::string bytes = Text(std::string(1000, 'y')).SerializeAsString();
  std::vector<grpc::Slice> slices;
  for (size_t i = 0; i < bytes.size(); i += 7) slices.emplace_back(bytes.substr(i, 7));
  const grpc::ByteBuffer buffer(slices.data(), slices.size());

  for (int i = 0; i < 2; ++i) {
    StringValue received;
    ASSERT_TRUE(Parse(buffer, received));
    EXPECT_EQ(received.value(), std::string(1000, 'y'));
  }
}

TEST(Message, BytesAreAppendedWhole) {
  const std::vector<grpc::Slice> slices = {grpc::Slice("one "), grpc::Slice("two")};
  std::string out = "0 ";

  AppendBytes(grpc::ByteBuffer(slices.data(), slices.size()), out);
  AppendBytes(grpc::ByteBuffer(slices.data(), 1), out);

  EXPECT_EQ(out, "0 one twoone ");
}

TEST(Message, RefusesOtherBytes) {
  const grpc::Slice slice(std::string("\xff\xff\xff"));
  StringValue received;

  EXPECT_FALSE(Parse(grpc::ByteBuffer(&slice, 1), received));
}

}  // namespace
}  // namespace chasqui::rpc
