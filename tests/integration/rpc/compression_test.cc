// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "common/rpc/decompress.h"
#include "common/rpc/grpc_status.h"
#include "common/rpc/message.h"
#include "tests/integration/rpc/rpc_fixture.h"

namespace chasqui::rpc {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMaxBytes = 1 << 20;

// A server with a limit of 1 MiB that compresses what is longer than 1000 bytes, and a client of
// gRPC's own that sees messages as they come over the wire.
class CompressionTest : public RpcTest {
 protected:
  explicit CompressionTest(int from_bytes = 1000)
      : RpcTest({.max_request_bytes = kMaxBytes, .compress_from_bytes = from_bytes}) {}

  void SetUp() override {
    RegisterEcho();
    Start();
  }

  struct Answer {
    absl::Status status;
    grpc::ByteBuffer message;
  };

  Answer Ask(const StringValue& request, grpc_compression_algorithm algorithm,
             bool takes_compressed = true) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    arguments.SetMaxReceiveMessageSize(-1);
    if (!takes_compressed) {
      arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1);
    }
    const auto channel = grpc::CreateCustomChannel(server().local_address(),
                                                   grpc::InsecureChannelCredentials(), arguments);
    grpc::ClientContext context;
    context.set_compression_algorithm(algorithm);
    grpc::CompletionQueue queue;
    Answer answer;
    grpc::Status status;
    const grpc::ByteBuffer bytes = Serialize(request);
    const auto call =
        grpc::GenericStub(channel).PrepareUnaryCall(&context, "/test.Echo/Unary", bytes, &queue);
    call->StartCall();
    call->Finish(&answer.message, &status, &queue);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    answer.status = FromGrpc(status);
    return answer;
  }

  static StringValue Long(std::size_t size) { return Text(std::string(size, 'x')); }
};

TEST_F(CompressionTest, TakesCompressedRequests) {
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    for (const std::size_t size : {0, 1, 999, 70'000, 1'000'000}) {
      Answer answer = Ask(Long(size), algorithm);

      ASSERT_TRUE(answer.status.ok()) << answer.status << size;
      if (IsCompressed(answer.message)) answer.message = *Decompress(answer.message, 0);
      StringValue echoed;
      ASSERT_TRUE(Parse(answer.message, echoed));
      EXPECT_EQ(echoed.value(), Long(size).value());
    }
  }
}

TEST_F(CompressionTest, BoundsWhatComesOutOfARequest) {
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    const Answer answer = Ask(Long(64 << 20), algorithm);

    EXPECT_EQ(answer.status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(answer.status.message()), HasSubstr("when decompressed"));
  }
  EXPECT_TRUE(Ask(Long(10), GRPC_COMPRESS_GZIP).status.ok()) << "the server lives";
}

TEST_F(CompressionTest, CompressesWhatIsLongForClientsThatTakeIt) {
  Answer answer = Ask(Long(5000), GRPC_COMPRESS_NONE);

  ASSERT_TRUE(answer.status.ok()) << answer.status;
  EXPECT_TRUE(IsCompressed(answer.message));
  EXPECT_LT(answer.message.Length(), 500u);
  grpc::ByteBuffer plain = *Decompress(answer.message, 0);
  StringValue echoed;
  ASSERT_TRUE(Parse(plain, echoed));
  EXPECT_EQ(echoed.value(), Long(5000).value());
}

TEST_F(CompressionTest, LeavesShortMessagesAndOtherClientsAlone) {
  Answer answer = Ask(Long(100), GRPC_COMPRESS_NONE);
  EXPECT_FALSE(IsCompressed(answer.message));
  answer = Ask(Long(5000), GRPC_COMPRESS_NONE, /*takes_compressed=*/false);
  ASSERT_TRUE(answer.status.ok()) << answer.status;
  EXPECT_FALSE(IsCompressed(answer.message));
}

class NoCompressionTest : public CompressionTest {
 protected:
  NoCompressionTest() : CompressionTest(0) {}
};

TEST_F(NoCompressionTest, CompressesNothing) {
  Answer answer = Ask(Long(5000), GRPC_COMPRESS_GZIP);

  ASSERT_TRUE(answer.status.ok()) << answer.status;
  EXPECT_FALSE(IsCompressed(answer.message));
}

TEST(Decompress, TellsWhatIsNotCompressed) {
  grpc::ByteBuffer plain = Serialize(Text("hello"));

  EXPECT_FALSE(IsCompressed(plain));
  EXPECT_EQ(Decompress(plain, 0).status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace chasqui::rpc
