// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/entry_control.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "services/router/request/usage_of.h"

namespace chasqui::router {
namespace {

// Nothing: as much as it was estimated.
std::optional<std::uint64_t> UsedTokens(const rpc::ServerCall& call, const absl::Status& status,
                                        const RequestRecord& record) {
  // The usage told at its end is that of the whole stream.
  if (record.goes_on) return record.progress.chunks();
  if (const auto usage = UsageOf(call, record.method)) return AllTokens(*usage);
  // It broke or was left in the middle. A chunk is a token, but for those held back.
  if (record.progress.chunks() > 0) return record.tokens.prompt + record.progress.chunks();
  // What a client left is computed for it all the same until the worker notices; and nobody may
  // have answers for nothing by leaving at the last moment.
  if (call.cancelled() && record.attempts > 0) return std::nullopt;
  if (status.ok()) return std::nullopt;
  return 0;
}

}  // namespace

absl::Status EntryControl::Identify(const rpc::ServerCall& call, RequestRecord& record) const {
  absl::StatusOr<Caller> caller = authenticator_.Authenticate(call);
  if (!caller.ok()) return std::move(caller).status();
  if (caller->grant != nullptr) {
    record.tenant = caller->grant->tenant;
    record.caller = *std::move(caller);
  }
  return absl::OkStatus();
}

rpc::Task<absl::Status> EntryControl::Charge(rpc::ServerCall& call, RequestRecord& record) const {
  const Counting counting{
      .tenant = record.tenant, .method = record.method.name, .tokens = record.tokens};
  absl::StatusOr<router::Charge> charge =
      co_await limiter_.Admit(call.loop(), record.caller.grant->quotas, counting);
  if (!charge.ok()) co_return std::move(charge).status();
  record.charge.emplace(*std::move(charge));
  co_return absl::OkStatus();
}

void EntryControl::Settle(const rpc::ServerCall& call, const absl::Status& status,
                          RequestRecord& record) const {
  if (!record.charge.has_value()) return;
  if (record.charge->counts_tokens()) record.charge->SetUsed(UsedTokens(call, status, record));
  record.charge.reset();
}

}  // namespace chasqui::router
