// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/usage_of.h"

#include <array>
#include <span>
#include <string_view>

#include "chasqui/inference/v1/generate.pb.h"
#include "chasqui/inference/v1/text.pb.h"
#include "services/router/limits/usage_reader.h"

namespace chasqui::router {
namespace {

// Where Usage stands in the last message of a method's answer.
std::span<const int> UsagePath(std::string_view method) {
  using inference::v1::StreamGenerateResponse;
  static constexpr std::array<int, 1> kGenerate = {
      inference::v1::GenerateResponse::kUsageFieldNumber};
  static constexpr std::array<int, 1> kEmbed = {inference::v1::EmbedResponse::kUsageFieldNumber};
  static constexpr std::array<int, 1> kRerank = {inference::v1::RerankResponse::kUsageFieldNumber};
  static constexpr std::array<int, 2> kStream = {StreamGenerateResponse::kFinishedFieldNumber,
                                                 inference::v1::Finished::kUsageFieldNumber};
  if (method == "Generate") return kGenerate;
  if (method == "Embed") return kEmbed;
  if (method == "Rerank") return kRerank;
  return kStream;
}

}  // namespace

std::optional<inference::v1::Usage> UsageOf(const rpc::ServerCall& call,
                                            const InferenceMethod& method) {
  if (!call.last_message().has_value()) return std::nullopt;
  return ReadUsage(*call.last_message(), UsagePath(method.name));
}

}  // namespace chasqui::router
