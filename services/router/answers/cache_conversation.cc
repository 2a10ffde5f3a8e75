// SPDX-License-Identifier: Apache-2.0
#include "services/router/answers/cache_conversation.h"

#include <chrono>
#include <utility>

#include "common/rpc/message.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using cache::v1::LookupRequest;
using cache::v1::LookupResponse;

constexpr char kLookup[] = "/chasqui.cache.v1.CacheService/Lookup";
constexpr int kMoreTimes = 9;
// To write an answer down.
constexpr time::Duration kMostPatience = 10s;

}  // namespace

CacheConversation::CacheConversation(Private, rpc::Loop& loop, const rpc::Channel& channel,
                                     std::size_t max_pending_bytes)
    : loop_(loop), max_pending_bytes_(max_pending_bytes), call_(loop, channel, kLookup) {}

std::shared_ptr<CacheConversation> CacheConversation::Begin(rpc::Loop& loop,
                                                            const rpc::Channel& channel,
                                                            cache::v1::Ask ask,
                                                            std::size_t max_pending_bytes) {
  auto self = std::make_shared<CacheConversation>(Private{}, loop, channel, max_pending_bytes);
  LookupRequest first;
  *first.mutable_ask() = std::move(ask);
  loop.Start([](std::shared_ptr<CacheConversation> conversation,
                grpc::ByteBuffer message) -> rpc::Task<void> {
    co_await conversation->call_.Write(std::move(message));
  }(self, rpc::Serialize(first)));
  return self;
}

rpc::Task<std::optional<LookupResponse>> CacheConversation::Read() {
  const auto self = shared_from_this();
  const std::optional<grpc::ByteBuffer> bytes = co_await call_.Read();
  if (!bytes.has_value()) co_return std::nullopt;
  std::optional<LookupResponse> response(std::in_place);
  if (rpc::Parse(*bytes, *response)) co_return response;
  call_.Cancel();
  co_return std::nullopt;
}

rpc::Task<std::optional<LookupResponse>> CacheConversation::ReadWithin(time::Duration timeout,
                                                                       IsAlive is_alive) {
  is_alive_ = std::move(is_alive);
  WaitFor(timeout, kMoreTimes);
  std::optional<LookupResponse> response = co_await Read();
  patience_.Cancel();
  co_return response;
}

void CacheConversation::WaitFor(time::Duration timeout, int more_times) {
  const time::SteadyTime begun = time::SteadyNow();
  patience_ = loop_.After(timeout, [this, timeout, more_times, begun] {
    const bool loop_is_late = time::SteadyNow() - begun > timeout + timeout / 4;
    if (more_times == 0 || !(loop_is_late || is_alive_(begun))) return call_.Cancel();
    WaitFor(timeout, more_times - 1);
  });
}

rpc::Task<absl::Status> CacheConversation::WhyOver() {
  const auto self = shared_from_this();
  co_return co_await call_.Finish();
}

bool CacheConversation::Fill(std::string event) {
  if (broken_) return false;
  pending_bytes_ += event.size();
  if (pending_bytes_ > max_pending_bytes_) {
    broken_ = true;
    Cancel();
    return false;
  }
  pending_.add_events(std::move(event));
  Wake();
  return true;
}

void CacheConversation::End(LookupRequest last) {
  last_ = std::move(last);
  Wake();
}

void CacheConversation::Wake() {
  if (std::exchange(sending_, true)) return;
  loop_.Start(SendAll(shared_from_this()));
}

rpc::Task<void> CacheConversation::SendAll(std::shared_ptr<CacheConversation> self) {
  // All that came in one turn of the loop goes out together.
  co_await self->loop_.Yield();
  while (self->pending_.events_size() > 0) {
    LookupRequest request;
    request.mutable_fill()->Swap(&self->pending_);
    self->pending_bytes_ = 0;
    if (!co_await self->call_.Write(rpc::Serialize(request))) self->broken_ = true;
    if (self->broken_) co_return;
  }
  self->sending_ = false;
  if (!self->last_.has_value()) co_return;
  self->sending_ = true;  // there is nothing more
  self->call_.WriteLast(rpc::Serialize(*self->last_));
  const auto timer = self->loop_.After(kMostPatience, [&self = *self] { self.call_.Cancel(); });
  while ((co_await self->call_.Read()).has_value()) {
  }
  co_await self->call_.Finish();
}

}  // namespace chasqui::router
