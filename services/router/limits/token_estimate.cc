// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/token_estimate.h"

#include <algorithm>
#include <string_view>

namespace chasqui::router {
namespace {

// What English and code come to with the vocabularies of today; other scripts take more tokens for
// their bytes, which is settled when the real number is known.
constexpr std::uint64_t kBytesPerToken = 4;

std::uint64_t OfText(std::string_view text) {
  return (text.size() + kBytesPerToken - 1) / kBytesPerToken;
}

std::uint64_t OfChat(const inference::v1::ChatInput& chat) {
  std::uint64_t tokens = 0;
  for (const auto& tool : chat.tools()) {
    tokens +=
        OfText(tool.name()) + OfText(tool.description()) + OfText(tool.parameters_json_schema());
  }
  for (const auto& message : chat.messages()) {
    for (const auto& part : message.parts()) tokens += OfText(part.text());
    for (const auto& call : message.tool_calls()) tokens += OfText(call.arguments_json());
  }
  return tokens;
}

}  // namespace

TokenEstimate EstimateTokens(const inference::v1::GenerateRequest& request) {
  TokenEstimate estimate;
  if (request.has_tokens()) {
    estimate.prompt = static_cast<std::uint64_t>(request.tokens().ids_size());
  } else if (request.has_chat()) {
    estimate.prompt = OfChat(request.chat());
  } else {
    estimate.prompt = OfText(request.prompt());
  }
  const std::uint64_t answers = std::max<std::uint64_t>(request.n(), 1);
  estimate.answer = answers * request.stop().max_tokens();
  if (request.stop().max_tokens() == 0) estimate.open_answers = answers;
  return estimate;
}

TokenEstimate EstimateTokens(const inference::v1::EmbedRequest& request) {
  TokenEstimate estimate;
  for (const auto& input : request.inputs()) {
    estimate.prompt += input.has_tokens() ? static_cast<std::uint64_t>(input.tokens().ids_size())
                                          : OfText(input.text());
  }
  return estimate;
}

TokenEstimate EstimateTokens(const inference::v1::RerankRequest& request) {
  TokenEstimate estimate;
  for (const auto& document : request.documents()) {
    estimate.prompt += OfText(request.query()) + OfText(document);
  }
  return estimate;
}

}  // namespace chasqui::router
