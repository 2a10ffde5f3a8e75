// SPDX-License-Identifier: Apache-2.0
#include "services/cache/cache_service.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/service/settings.h"
#include "common/status/status.h"
#include "services/cache/lookup/question.h"
#include "services/cache/lookup/wire.h"
#include "services/cache/stats.h"

namespace chasqui::cache {
namespace {

constexpr std::uint32_t kMostTop = 128;

std::string Path(std::string_view method) {
  return absl::StrCat("/chasqui.cache.v1.CacheService/", method);
}

v1::GetEntryResponse Describe(const AnswerStore::Hit& hit, bool with_events) {
  const StoredAnswer& answer = *hit.answer;
  v1::GetEntryResponse entry;
  entry.set_tier(hit.tier);
  entry.set_model(answer.model());
  entry.set_model_fingerprint(answer.model_fingerprint());
  entry.set_tenant(answer.tenant());
  *entry.mutable_tags() = answer.tags();
  SetTime(FromMicros(answer.created_us()), *entry.mutable_create_time());
  SetTime(FromMicros(answer.expires_us()), *entry.mutable_expire_time());
  *entry.mutable_cost() = service::ToProto(std::chrono::microseconds(answer.cost_us()));
  entry.set_prompt_tokens(answer.prompt_tokens());
  entry.set_completion_tokens(answer.completion_tokens());
  std::uint64_t bytes = 0;
  for (const std::string& event : answer.events()) {
    bytes += event.size();
    // What cannot be parsed was never sent by a worker of this suite.
    if (with_events && !entry.add_events()->ParseFromString(event)) {
      entry.mutable_events()->RemoveLast();
    }
  }
  entry.set_size_bytes(bytes);
  return entry;
}

}  // namespace

void CacheService::Register(rpc::Server& server) {
  // Who asks does without when the service ends: nobody has to wait for these calls.
  rpc::RegisterBidiStream<v1::LookupRequest, v1::LookupResponse>(
      server, Path("Lookup"),
      [this](rpc::ServerCall& call, LookupCall::Reader& reader,
             LookupCall::Writer& writer) -> rpc::Task<absl::Status> {
        LookupCall lookup(shared_, call, reader, writer);
        co_return co_await lookup.Run();
      },
      {.background = true});
  rpc::RegisterUnary<v1::InvalidateRequest, v1::InvalidateResponse>(
      server, Path("Invalidate"), [this](rpc::ServerCall& call, v1::InvalidateRequest request) {
        return Invalidate(call, std::move(request));
      });
  rpc::RegisterUnary<v1::GetEntryRequest, v1::GetEntryResponse>(
      server, Path("GetEntry"), [this](rpc::ServerCall& call, v1::GetEntryRequest request) {
        return GetEntry(call, std::move(request));
      });
  rpc::RegisterUnary<v1::GetStatsRequest, v1::GetStatsResponse>(
      server, Path("GetStats"),
      [this](rpc::ServerCall&, v1::GetStatsRequest request)
          -> rpc::Task<absl::StatusOr<v1::GetStatsResponse>> { co_return GetStats(request); });
  rpc::RegisterServerStream<v1::WarmRequest, v1::WarmResponse>(
      server, Path("Warm"),
      [this](rpc::ServerCall& call, v1::WarmRequest request,
             rpc::ServerWriter<v1::WarmResponse>& writer) {
        return Warm(call, std::move(request), writer);
      },
      {.background = true});
}

rpc::Task<absl::StatusOr<v1::InvalidateResponse>> CacheService::Invalidate(
    rpc::ServerCall& call, v1::InvalidateRequest request) {
  absl::StatusOr<std::vector<std::string>> names = NamesOf(request);
  if (!names.ok()) co_return std::move(names).status();
  shared_.metrics.invalidations.Increment(static_cast<double>(names->size()));
  // What is about to be invalid makes room; not after it, when new ones may be there.
  for (const std::string& bytes : request.keys()) shared_.store.Remove(*AnswerKey::Parse(bytes));
  if (request.everything()) shared_.store.ClearMemory();
  const Invalidator::Reach reach = co_await invalidator_.Invalidate(call.loop(), *std::move(names));
  if (!reach.lasts) {
    co_return status::Unavailable(
        "INVALIDATION_NOT_WRITTEN",
        "it holds, but could be written nowhere: it ends with this process",
        std::chrono::seconds(1));
  }
  v1::InvalidateResponse response;
  response.set_replicas(reach.replicas);
  response.set_others_pending(reach.pending);
  co_return response;
}

rpc::Task<absl::StatusOr<v1::GetEntryResponse>> CacheService::GetEntry(
    rpc::ServerCall& call, v1::GetEntryRequest request) {
  const std::optional<AnswerKey> key = AnswerKey::Parse(request.key());
  if (!key.has_value()) {
    co_return status::InvalidArgument("key",
                                      absl::StrCat("must be 32 bytes, not ", request.key().size()));
  }
  const std::optional<AnswerStore::Hit> hit = co_await shared_.store.Peek(call.loop(), *key);
  if (!hit.has_value()) {
    co_return status::NotFound("answer", key->Hex(), "nothing valid is remembered under this key");
  }
  co_return Describe(*hit, request.with_events());
}

absl::StatusOr<v1::GetStatsResponse> CacheService::GetStats(const v1::GetStatsRequest& request) {
  if (request.top() > kMostTop) {
    return status::InvalidArgument("top", absl::StrCat("must be at most ", kMostTop));
  }
  v1::GetStatsResponse stats = ReadStats(shared_);
  stats.set_replicas(invalidator_.replicas());
  for (const TopAsked::Entry& entry : shared_.top.Top(request.top(), shared_.clock.SteadyNow())) {
    auto& top = *stats.add_top();
    top.set_key(std::string(entry.key.bytes()));
    top.set_model(entry.model);
    top.set_asked(entry.asked);
    top.set_error(entry.error);
  }
  return stats;
}

rpc::Task<absl::Status> CacheService::Warm(rpc::ServerCall& call, v1::WarmRequest request,
                                           rpc::ServerWriter<v1::WarmResponse>& writer) {
  if (warmer_ == nullptr) {
    co_return status::Error(absl::StatusCode::kFailedPrecondition, "NO_ROUTER",
                            "the cache service has no router to ask: set warming.router");
  }
  co_return co_await warmer_->Warm(call, std::move(request), writer);
}

}  // namespace chasqui::cache
