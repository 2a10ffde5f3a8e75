// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/redis_tier.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/redis/settings.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

constexpr resilience::BackoffOptions kPauses{.initial = 100ms, .maximum = 5s, .multiplier = 2};

absl::Status LeftAlone() { return absl::UnavailableError("Redis is away"); }

time::Duration MaxTtl(const config::v1::RedisTierConfig& config) {
  return std::chrono::seconds(config.max_ttl().seconds()) +
         std::chrono::nanoseconds(config.max_ttl().nanos());
}

}  // namespace

RedisTier::RedisTier(const config::v1::RedisTierConfig& config, const PackingOptions& packing,
                     std::size_t max_answer_bytes, const time::Clock& clock,
                     observability::Logger log)
    : prefix_(absl::StrCat(config.server().key_prefix(), "answer:")),
      packing_(packing),
      max_answer_bytes_(max_answer_bytes),
      max_ttl_(MaxTtl(config)),
      clock_(clock),
      log_(std::move(log)),
      pause_(kPauses),
      pool_(config.connections(), [&](std::size_t index) { return LinkOptions(config, index); }) {}

redis::Link::Options RedisTier::LinkOptions(const config::v1::RedisTierConfig& config,
                                            std::size_t index) {
  redis::Link::Options options = redis::LinkOptions(config.server());
  options.thread_name = absl::StrCat("cache-redis-", index);
  options.answer_timeout =
      std::chrono::ceil<std::chrono::milliseconds>(redis::Timeout(config.server()));
  options.on_late_answer = [this] { EndPause(); };
  options.on_state = [this, was_up = false](const absl::Status& state) mutable {
    OnState(std::exchange(was_up, state.ok()), state);
  };
  return options;
}

std::string RedisTier::NameOf(const AnswerKey& key) const {
  return absl::StrCat(prefix_, key.Hex());
}

bool RedisTier::available() const {
  return links_up_.load(std::memory_order_relaxed) > 0 &&
         clock_.SteadyNow() >= left_until_.load(std::memory_order_relaxed);
}

void RedisTier::Get(const AnswerKey& key, Found found) {
  if (!available()) return found(LeftAlone());
  pool_.Send(key.hash(), {"GET", NameOf(key)},
             [this, key, found = std::move(found)](const redis::ReplyOr& reply) mutable {
               found(Read(key, reply));
             });
}

absl::StatusOr<AnswerPtr> RedisTier::Read(const AnswerKey& key, const redis::ReplyOr& reply) {
  if (absl::Status status = Judge(reply.status()); !status.ok()) return status;
  if (reply->nil()) return absl::NotFoundError("not in Redis");
  absl::StatusOr<AnswerPtr> answer =
      Unpack(reply->text, key, max_answer_bytes_ + kUnpackedOverhead);
  if (!answer.ok()) {
    ++damaged_;
    log_.Warn("an answer in Redis is damaged", {{"key", key.Hex()}, {"error", answer.status()}});
    Remove(key);
    return absl::NotFoundError("damaged in Redis");
  }
  if (FromMicros((*answer)->expires_us()) <= clock_.SystemNow()) {
    ++expired_;
    return absl::NotFoundError("expired in Redis");
  }
  return answer;
}

void RedisTier::Put(AnswerPtr answer, Done done) {
  const time::Duration left = FromMicros(answer->expires_us()) - clock_.SystemNow();
  const auto ttl = std::chrono::floor<std::chrono::milliseconds>(std::min(left, max_ttl_));
  if (ttl <= 0ms) return done(absl::FailedPreconditionError("the answer has expired"));
  if (!available()) return done(LeftAlone());
  const AnswerKey key = KeyOf(*answer);
  pool_.Send(key.hash(),
             {"SET", NameOf(key), Pack(*answer, packing_), "PX", absl::StrCat(ttl.count())},
             [this, done = std::move(done)](const redis::ReplyOr& reply) mutable {
               const absl::Status status = Judge(reply.status());
               if (status.ok()) ++stores_;
               done(status);
             });
}

void RedisTier::Remove(const AnswerKey& key) {
  if (available()) pool_.Send(key.hash(), {"DEL", NameOf(key)}, nullptr);
}

TierCounts RedisTier::counts() const {
  return {.stores = stores_, .expired = expired_, .damaged = damaged_, .errors = errors_};
}

absl::Status RedisTier::Judge(const absl::Status& status) {
  if (!status.ok()) ++errors_;
  if (absl::IsDeadlineExceeded(status)) {
    OnLate();
    return absl::UnavailableError(status.message());
  }
  if (!absl::IsUnavailable(status)) OnBack();
  return status;
}

void RedisTier::OnState(bool was_up, const absl::Status& state) {
  if (state.ok()) {
    ++links_up_;
    OnBack();
    return;
  }
  if (was_up) --links_up_;
  if (links_up_ == 0) OnAway(state);
}

// Many that were sent together are late together: that is one reason to pause.
void RedisTier::OnLate() {
  {
    absl::MutexLock lock(mutex_);
    const time::SteadyTime now = clock_.SteadyNow();
    if (now < left_until_.load()) return;
    left_until_ = now + pause_.NextDelay(std::uniform_real_distribution<double>(0, 1)(random_));
  }
  OnAway(absl::DeadlineExceededError("no answer in time"));
}

// It answers, but slowly: the next pause is longer unless it answers in time before.
void RedisTier::EndPause() {
  absl::MutexLock lock(mutex_);
  left_until_ = time::SteadyTime::min();
}

void RedisTier::OnAway(const absl::Status& why) {
  {
    absl::MutexLock lock(mutex_);
    well_ = false;
    if (std::exchange(told_away_, true)) return;
  }
  log_.Warn("Redis is away: answers are neither looked for nor remembered there", {{"error", why}});
}

void RedisTier::OnBack() {
  if (well_.load(std::memory_order_relaxed)) return;
  {
    absl::MutexLock lock(mutex_);
    if (well_.exchange(true)) return;
    told_away_ = false;
    pause_.Reset();
    left_until_ = time::SteadyTime::min();
  }
  log_.Info("answers are remembered in Redis");
}

}  // namespace chasqui::cache
