// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/usage_reader.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include "chasqui/inference/v1/generate.pb.h"
#include "chasqui/inference/v1/text.pb.h"
#include "common/rpc/message.h"

namespace chasqui::router {
namespace {

using inference::v1::StreamGenerateResponse;

constexpr std::array<int, 2> kPath = {StreamGenerateResponse::kFinishedFieldNumber,
                                      inference::v1::Finished::kUsageFieldNumber};

StreamGenerateResponse Finished() {
  StreamGenerateResponse event;
  event.mutable_finished()->add_candidates()->set_stop_string("usage");
  event.mutable_finished()->mutable_usage()->set_prompt_tokens(70'000);
  event.mutable_finished()->mutable_usage()->set_completion_tokens(5);
  event.set_sequence(9);
  return event;
}

// Tokens of prompt and answers together; nothing when there is no usage.
std::optional<std::uint64_t> Used(const grpc::ByteBuffer& message, std::span<const int> path) {
  const auto usage = ReadUsage(message, path);
  if (!usage.has_value()) return std::nullopt;
  return std::uint64_t{usage->prompt_tokens()} + usage->completion_tokens();
}

TEST(UsageReader, FindsPromptAndAnswerTokensInTheLastEvent) {
  EXPECT_EQ(Used(rpc::Serialize(Finished()), kPath), 70'005);
}

TEST(UsageReader, ReadsAMessageInSeveralSlices) {
  const std::string bytes = Finished().SerializeAsString();
  std::array<grpc::Slice, 2> slices = {grpc::Slice(bytes.substr(0, 5)),
                                       grpc::Slice(bytes.substr(5))};

  EXPECT_EQ(Used(grpc::ByteBuffer(slices.data(), slices.size()), kPath), 70'005);
}

TEST(UsageReader, SkipsWhatLiesBesideThePath) {
  inference::v1::EmbedResponse response;
  for (int i = 0; i < 1000; ++i) response.add_embeddings()->mutable_values()->Resize(512, 1.5F);
  response.mutable_usage()->set_prompt_tokens(12);

  EXPECT_EQ(Used(rpc::Serialize(response),
                 std::array<int, 1>{inference::v1::EmbedResponse::kUsageFieldNumber}),
            12);
}

TEST(UsageReader, FindsNothingWhereThereIsNone) {
  StreamGenerateResponse event;
  event.mutable_chunk()->set_text("text");
  EXPECT_EQ(Used(rpc::Serialize(event), kPath), std::nullopt);

  event.mutable_finished();
  EXPECT_EQ(Used(rpc::Serialize(event), kPath), std::nullopt);
}

TEST(UsageReader, SurvivesEveryCutAndEveryChangedByte) {
  const std::string whole = Finished().SerializeAsString();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    grpc::Slice slice(whole.substr(0, length));
    Used(grpc::ByteBuffer(&slice, 1), kPath);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = whole;
      changed[at] = static_cast<char>(value);
      grpc::Slice slice(changed);
      Used(grpc::ByteBuffer(&slice, 1), kPath);
    }
  }
}

}  // namespace
}  // namespace chasqui::router
