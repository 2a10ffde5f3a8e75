// SPDX-License-Identifier: Apache-2.0
#include "common/inference/validate.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "common/inference/validate_parts.h"

namespace chasqui::inference {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr int kMaxAdapters = 8;
constexpr double kMaxAdapterScale = 8;
constexpr std::uint32_t kMaxCandidates = 16;
constexpr std::uint32_t kMaxRivals = 20;
constexpr int kMaxTags = 16;
constexpr std::size_t kMaxTagBytes = 128;
constexpr std::int64_t kMaxTtlSeconds = 3650LL * 24 * 3600;

void CheckModel(std::string_view model, Violations& v) {
  v.AtMost("model", model.size(), kMaxName, "characters");
}

void CheckInput(const v1::GenerateRequest& request, Violations& v) {
  switch (request.input_case()) {
    case v1::GenerateRequest::kPrompt:
      v.AtMost("prompt", request.prompt().size(), kMaxTextBytes, "bytes");
      if (request.prompt().empty()) v.Add("prompt", "must not be empty");
      break;
    case v1::GenerateRequest::kChat:
      CheckChat(request.chat(), "chat", v);
      break;
    case v1::GenerateRequest::kTokens:
      CheckTokens(request.tokens(), "tokens", v);
      break;
    case v1::GenerateRequest::INPUT_NOT_SET:
      v.Add("input", "one of prompt, chat and tokens must be set");
      break;
  }
}

void CheckContextPolicy(const v1::GenerateRequest& request, Violations& v) {
  const auto& policy = request.context_policy();
  const bool shift = policy.overflow() == v1::ContextPolicy::OVERFLOW_SHIFT;
  if (policy.keep_tokens() != 0 && !shift)
    v.Add("context_policy.keep_tokens", "is for OVERFLOW_SHIFT only");
  if (!v1::ContextPolicy::Overflow_IsValid(policy.overflow())) {
    v.Add("context_policy.overflow",
          absl::StrCat("must be a value of Overflow, is ", policy.overflow()));
  }
  if (policy.overflow() == v1::ContextPolicy::OVERFLOW_TRUNCATE_OLDEST && !request.has_chat())
    v.Add("context_policy.overflow", "OVERFLOW_TRUNCATE_OLDEST is for chats only");
  if (!v1::ContextPolicy::Reserve_IsValid(policy.reserve())) {
    v.Add("context_policy.reserve",
          absl::StrCat("must be a value of Reserve, is ", policy.reserve()));
  }
}

void CheckRequirements(const v1::ModelRequirements& requirements, Violations& v) {
  v.AtMost("model_requirements.profile", requirements.profile().size(), kMaxName, "characters");
  v.InRange("model_requirements.speed_weight", requirements.speed_weight(), 0, 1);
  v.InRange("model_requirements.quality_weight", requirements.quality_weight(), 0, 1);
}

void CheckCachePolicy(const v1::CachePolicy& policy, Violations& v) {
  if (!v1::CachePolicy::Mode_IsValid(policy.mode()))
    v.Add("cache_policy.mode", absl::StrCat("must be a value of Mode, is ", policy.mode()));
  if (policy.has_ttl() && (policy.ttl().seconds() < 1 || policy.ttl().seconds() > kMaxTtlSeconds))
    v.Add("cache_policy.ttl",
          absl::StrCat("must be from 1 s to 3,650 d, is ", policy.ttl().seconds(), " s"));
  v.AtMost("cache_policy.tags", policy.tags_size(), kMaxTags, "tags");
  const int checked = std::min(policy.tags_size(), kMaxTags);
  for (int i = 0; i < checked; ++i) {
    const auto path = absl::StrCat("cache_policy.tags[", i, "]");
    if (policy.tags(i).empty()) v.Add(path, "must not be empty");
    v.AtMost(path, policy.tags(i).size(), kMaxTagBytes, "bytes");
  }
  v.AtMost("cache_policy.replay_tokens_per_second", policy.replay_tokens_per_second(), 1'000'000,
           "tokens");
}

void CheckUnimplemented(const v1::GenerateRequest& request, Violations& v) {
  v.NotImplemented("logprobs.prompt", request.logprobs().prompt());
  v.NotImplemented("conversation_id", !request.conversation_id().empty());
}

// Which names there are only the model knows.
void CheckAdapters(const v1::GenerateRequest& request, Violations& v) {
  v.AtMost("lora_adapters", request.lora_adapters_size(), kMaxAdapters, "adapters");
  std::set<std::string_view> names;
  const int checked = std::min(request.lora_adapters_size(), kMaxAdapters);
  for (int i = 0; i < checked; ++i) {
    const auto& adapter = request.lora_adapters(i);
    const auto path = absl::StrCat("lora_adapters[", i, "]");
    if (adapter.name().empty()) {
      v.Add(path + ".name", "must not be empty");
    } else if (!names.insert(adapter.name()).second) {
      v.Add(path + ".name", absl::StrCat("is there twice: ", adapter.name().substr(0, kMaxName)));
    }
    v.AtMost(path + ".name", adapter.name().size(), kMaxName, "characters");
    if (adapter.has_scale())
      v.InRange(path + ".scale", adapter.scale(), -kMaxAdapterScale, kMaxAdapterScale);
  }
}

void CheckResume(const v1::ResumePoint& resume, std::uint32_t n, Violations& v) {
  v.AtMost("resume.candidates", resume.candidates_size(), n, "candidates, as many as n");
  std::set<std::uint32_t> indices;
  for (int i = 0; i < resume.candidates_size(); ++i) {
    const auto& candidate = resume.candidates(i);
    const auto path = absl::StrCat("resume.candidates[", i, "]");
    if (candidate.index() >= n) {
      v.Add(path + ".index",
            absl::StrCat("must be below n, which is ", n, ", is ", candidate.index()));
    } else if (!indices.insert(candidate.index()).second) {
      v.Add(path + ".index", absl::StrCat("is there twice: ", candidate.index()));
    }
    v.AtMost(path + ".token_ids", candidate.token_ids_size(), kMaxTokenIds, "ids");
  }
}

}  // namespace

bool IsRequestId(std::string_view id) {
  constexpr std::size_t kMaxLength = 128;
  static constexpr std::string_view kMarks = "._:-";
  return !id.empty() && id.size() <= kMaxLength && std::ranges::all_of(id, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || kMarks.contains(c);
  });
}

absl::Status CheckForWorker(const v1::GenerateRequest& request) {
  if (request.cache_policy().mode() == v1::CachePolicy::MODE_REQUIRE) {
    return status::Error(absl::StatusCode::kFailedPrecondition, "NO_CACHE",
                         "workers remember no answers: ask a router");
  }
  if (!request.has_model_requirements()) return absl::OkStatus();
  return status::InvalidArgument("model_requirements",
                                 "is for routers, which choose among models: name one");
}

absl::Status Validate(const v1::GenerateRequest& request) {
  Violations v;
  if (!request.request_id().empty() && !IsRequestId(request.request_id()))
    v.Add("request_id", "must be at most 128 characters of [A-Za-z0-9._:-]");
  CheckModel(request.model(), v);
  CheckRequirements(request.model_requirements(), v);
  CheckInput(request, v);
  CheckSampling(request.sampling(), "sampling", v);
  CheckStop(request.stop(), "stop", v);
  CheckOutputFormat(request.output_format(), "output_format", v);
  const bool call_required = request.chat().tool_choice().mode() == v1::ToolChoice::MODE_REQUIRED;
  const auto format = request.output_format().format_case();
  if (call_required && format != v1::OutputFormat::FORMAT_NOT_SET)
    v.Add("output_format", "must be unset with chat.tool_choice of MODE_REQUIRED");
  CheckContextPolicy(request, v);
  CheckCachePolicy(request.cache_policy(), v);
  CheckUnimplemented(request, v);
  CheckAdapters(request, v);
  if (!v1::Priority_IsValid(request.priority()))
    v.Add("priority", absl::StrCat("must be a value of Priority, is ", request.priority()));
  v.AtMost("n", request.n(), kMaxCandidates, "answers");
  v.AtMost("logprobs.top", request.logprobs().top(), kMaxRivals, "tokens");
  if (request.has_resume()) CheckResume(request.resume(), std::max(1U, request.n()), v);
  return v.ToStatus();
}

absl::Status Validate(const v1::EmbedRequest& request) {
  Violations v;
  CheckModel(request.model(), v);
  if (request.inputs_size() == 0) v.Add("inputs", "must have at least one input");
  v.AtMost("inputs", request.inputs_size(), 2048, "inputs");
  for (int i = 0; i < request.inputs_size(); ++i) {
    const auto field = absl::StrCat("inputs[", i, "]");
    const auto& input = request.inputs(i);
    if (input.has_tokens()) {
      CheckTokens(input.tokens(), field + ".tokens", v);
    } else {
      if (input.text().empty()) v.Add(field, "must have text or tokens");
      v.AtMost(field + ".text", input.text().size(), kMaxTextBytes, "bytes");
    }
  }
  if (!v1::Pooling_IsValid(request.pooling()))
    v.Add("pooling", absl::StrCat("must be a value of Pooling, is ", request.pooling()));
  return v.ToStatus();
}

absl::Status Validate(const v1::RerankRequest& request) {
  Violations v;
  CheckModel(request.model(), v);
  if (request.query().empty()) v.Add("query", "must not be empty");
  v.AtMost("query", request.query().size(), kMaxTextBytes, "bytes");
  if (request.documents_size() == 0) v.Add("documents", "must have at least one document");
  v.AtMost("documents", request.documents_size(), 2048, "documents");
  for (int i = 0; i < request.documents_size(); ++i)
    v.AtMost(absl::StrCat("documents[", i, "]"), request.documents(i).size(), kMaxTextBytes,
             "bytes");
  return v.ToStatus();
}

absl::Status Validate(const v1::TokenizeRequest& request) {
  Violations v;
  CheckModel(request.model(), v);
  v.AtMost("text", request.text().size(), kMaxTextBytes, "bytes");
  return v.ToStatus();
}

absl::Status Validate(const v1::DetokenizeRequest& request) {
  Violations v;
  CheckModel(request.model(), v);
  v.AtMost("token_ids", request.token_ids_size(), kMaxTokenIds, "ids");
  return v.ToStatus();
}

absl::Status Validate(const v1::ApplyTemplateRequest& request) {
  Violations v;
  CheckModel(request.model(), v);
  CheckChat(request.chat(), "chat", v);
  return v.ToStatus();
}

}  // namespace chasqui::inference
