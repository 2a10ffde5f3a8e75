// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/ask_cache.h"

#include <set>
#include <string>
#include <utility>

#include <google/protobuf/arena.h>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "common/inference/remembered.h"
#include "common/rpc/message.h"
#include "common/status/status.h"
#include "services/router/answers/answer_key.h"

namespace chasqui::router {
namespace {

using inference::v1::CachePolicy;
using inference::v1::GenerateRequest;
using Question = std::optional<AnswerVisit::Question>;

// Whose answers a request is for, from those who may act for all.
constexpr char kTenantKey[] = "x-chasqui-answers-of";

cache::v1::Ask::Mode ModeOf(CachePolicy::Mode mode) {
  switch (mode) {
    case CachePolicy::MODE_REFRESH:
      return cache::v1::Ask::MODE_REFRESH;
    case CachePolicy::MODE_REQUIRE:
      return cache::v1::Ask::MODE_REQUIRE;
    default:
      return cache::v1::Ask::MODE_DEFAULT;
  }
}

absl::StatusOr<std::string> TenantOf(const rpc::ServerCall& call, const RequestRecord& record) {
  const std::optional<std::string_view> other = call.Metadata(kTenantKey);
  if (!other.has_value()) return record.tenant;
  const auto& grant = record.caller.grant;
  if (grant != nullptr && !grant->roles.Has(Role::kOperator)) {
    return status::Error(absl::StatusCode::kPermissionDenied, "NOT_AN_OPERATOR",
                         absl::StrCat(kTenantKey, " is for operators"));
  }
  return std::string(*other);
}

// Of the weights that serve the model now; empty when no worker has it ready.
std::string FingerprintOf(const SharedFleet& fleet, const std::string& model) {
  return fleet.Look([&](const Dispatcher& dispatcher, time::SteadyTime) {
    const CatalogueEntry* entry = dispatcher.catalogue().Find(model);
    return entry == nullptr ? std::string() : entry->fingerprint;
  });
}

}  // namespace

absl::StatusOr<Question> AskCache(const rpc::ServerCall& call, const grpc::ByteBuffer& bytes,
                                  const SharedFleet& fleet, const CacheAccess& cache,
                                  const RequestRecord& record) {
  const bool generates = record.method.request_id_field != 0;
  const bool required = record.only_remembered;
  if (!generates || (!cache.configured() && !required)) return Question();
  if (!cache.configured()) {
    return status::Error(absl::StatusCode::kFailedPrecondition, "NO_CACHE",
                         "nothing is remembered: the router has no cache service");
  }
  google::protobuf::Arena arena;
  auto& request = *google::protobuf::Arena::CreateMessage<GenerateRequest>(&arena);
  if (!rpc::Parse(bytes, request)) return absl::InternalError("the request cannot be read again");
  const CachePolicy& policy = request.cache_policy();
  if (policy.mode() == CachePolicy::MODE_BYPASS) return Question();
  const std::string why_not = inference::WhyNotRemembered(request, cache.config().seeded());
  if (!why_not.empty()) {
    if (!required) return Question();
    return status::InvalidArgument(
        "cache_policy.mode",
        absl::StrCat("the answer to this request is never remembered: ", why_not));
  }
  const std::string fingerprint = FingerprintOf(fleet, record.model);
  if (fingerprint.empty() && !required) return Question();
  ABSL_ASSIGN_OR_RETURN(const std::string tenant, TenantOf(call, record));
  AnswerVisit::Question question{.include_timings = request.include_timings(),
                                 .replay_tokens_per_second = policy.replay_tokens_per_second(),
                                 .whole = record.method.kind == rpc::MethodKind::kUnary};
  cache::v1::Ask& ask = question.ask;
  const bool shares = cache.config().share_between_tenants();
  ask.set_key(
      AnswerKey(request, fingerprint, shares ? "" : tenant, cache.config().normalization()));
  ask.set_model(record.model);
  ask.set_model_fingerprint(fingerprint);
  ask.set_tenant(tenant);
  for (const std::string& tag : std::set<std::string>(policy.tags().begin(), policy.tags().end())) {
    ask.add_tags(tag);
  }
  ask.set_mode(ModeOf(policy.mode()));
  ask.set_priority(request.priority());
  if (policy.has_ttl()) *ask.mutable_ttl() = policy.ttl();
  return Question(std::move(question));
}

}  // namespace chasqui::router
