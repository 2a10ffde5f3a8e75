// SPDX-License-Identifier: Apache-2.0
#include "services/cache/lookup/question.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "services/cache/generation/generations.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

constexpr int kMaxNames = 1000;
constexpr std::size_t kMaxTenantBytes = 256;
constexpr time::Duration kLeastTtl = 1s;
constexpr time::Duration kMostTtl = std::chrono::days(3650);

using Violations = std::vector<status::FieldViolation>;

void AtMost(std::string_view field, std::size_t size, std::size_t most, std::string_view what,
            Violations& violations) {
  if (size <= most) return;
  violations.push_back(
      {std::string(field), absl::StrCat("must be at most ", most, " ", what, ", not ", size)});
}

}  // namespace

absl::StatusOr<Question> ReadQuestion(v1::Ask ask) {
  Violations violations;
  const std::optional<AnswerKey> key = AnswerKey::Parse(ask.key());
  if (!key.has_value()) {
    violations.push_back({"ask.key", absl::StrCat("must be 32 bytes, not ", ask.key().size())});
  }
  AtMost("ask.model", ask.model().size(), kMaxNameBytes, "bytes", violations);
  AtMost("ask.model_fingerprint", ask.model_fingerprint().size(), kMaxNameBytes, "bytes",
         violations);
  AtMost("ask.tenant", ask.tenant().size(), kMaxTenantBytes, "bytes", violations);
  AtMost("ask.tags", static_cast<std::size_t>(ask.tags_size()), kMaxTags, "tags", violations);
  for (const std::string& tag : ask.tags()) {
    AtMost("ask.tags", tag.size(), kMaxNameBytes, "bytes each", violations);
  }
  if (!std::ranges::is_sorted(ask.tags())) violations.push_back({"ask.tags", "must be sorted"});
  std::optional<time::Duration> ttl;
  if (ask.has_ttl()) {
    ttl = service::ToDuration(ask.ttl());
    if (*ttl < kLeastTtl || *ttl > kMostTtl) {
      violations.push_back({"ask.ttl", "must be from 1 s to 3,650 d"});
    }
  }
  if (!violations.empty()) return status::InvalidArgument(violations);
  return Question{.key = *key,
                  .model = std::move(*ask.mutable_model()),
                  .model_fingerprint = std::move(*ask.mutable_model_fingerprint()),
                  .tenant = std::move(*ask.mutable_tenant()),
                  .tags = {std::make_move_iterator(ask.mutable_tags()->begin()),
                           std::make_move_iterator(ask.mutable_tags()->end())},
                  .mode = ask.mode(),
                  .priority = ask.priority(),
                  .ttl = ttl};
}

absl::StatusOr<std::vector<std::string>> NamesOf(const v1::InvalidateRequest& request) {
  Violations violations;
  std::vector<std::string> names;
  const auto count = [&](std::string_view field, int size) {
    if (size > kMaxNames) {
      violations.push_back({std::string(field), absl::StrCat("must be at most 1,000, not ", size)});
    }
  };
  count("keys", request.keys_size());
  count("tags", request.tags_size());
  count("models", request.models_size());
  if (!violations.empty()) return status::InvalidArgument(violations);
  for (const std::string& bytes : request.keys()) {
    const std::optional<AnswerKey> key = AnswerKey::Parse(bytes);
    if (key.has_value()) {
      names.push_back(KeyName(*key));
    } else {
      violations.push_back({"keys", absl::StrCat("each must be 32 bytes, not ", bytes.size())});
    }
  }
  const auto add = [&](std::string_view field, const std::string& text, std::string name) {
    if (text.empty()) violations.push_back({std::string(field), "none may be empty"});
    AtMost(field, text.size(), kMaxNameBytes, "bytes each", violations);
    names.push_back(std::move(name));
  };
  for (const std::string& tag : request.tags()) add("tags", tag, TagName(tag));
  for (const std::string& model : request.models()) add("models", model, ModelName(model));
  if (request.everything()) names.push_back(EverythingName());
  if (names.empty() && violations.empty()) {
    violations.push_back({"everything", "say what is invalid: keys, tags, models or everything"});
  }
  if (!violations.empty()) return status::InvalidArgument(violations);
  return names;
}

}  // namespace chasqui::cache
