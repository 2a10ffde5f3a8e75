// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/redis_tier.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/redis/settings.h"
#include "common/service/settings.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

constexpr resilience::BackoffOptions kPause = {.initial = 100ms, .maximum = 5s, .multiplier = 2};

absl::Status Away() { return absl::UnavailableError("Redis is away"); }

}  // namespace

RedisTier::RedisTier(const config::v1::RedisTierConfig& config, const PackingOptions& packing,
                     std::size_t max_answer_bytes, const time::Clock& clock,
                     observability::Logger log)
    : prefix_(absl::StrCat(config.server().key_prefix(), "answer:")),
      packing_(packing),
      max_answer_bytes_(max_answer_bytes),
      timeout_(redis::Timeout(config.server())),
      max_ttl_(service::ToDuration(config.max_ttl())),
      clock_(clock),
      log_(std::move(log)),
      pause_(kPause) {
  for (std::uint32_t i = 0; i < config.connections(); ++i) {
    redis::Link::Options options = LinkOptions(config);
    options.thread_name = absl::StrCat("cache-redis-", i);
    links_.push_back(std::make_unique<redis::Link>(std::move(options)));
  }
  sweeper_ = std::make_unique<concurrency::Periodic>(
      "cache-redis-tmo", std::clamp<time::Duration>(timeout_ / 4, 1ms, 50ms),
      [this] { GiveUpLate(); });
}

RedisTier::~RedisTier() {
  sweeper_.reset();
  links_.clear();
}

redis::Link::Options RedisTier::LinkOptions(const config::v1::RedisTierConfig& config) {
  redis::Link::Options options = redis::LinkOptions(config.server());
  // The connections of one server come and go together: that is told once.
  options.on_state = [this](const absl::Status& state) {
    if (state.ok()) return InTime();
    bool first = false;
    {
      absl::MutexLock lock(mutex_);
      first = !std::exchange(told_away_, true);
    }
    if (first) log_.Warn("Redis is away: answers there are misses", {{"error", state}});
  };
  return options;
}

std::string RedisTier::NameOf(const AnswerKey& key) const {
  return absl::StrCat(prefix_, key.Hex());
}

redis::Link* RedisTier::LinkFor(const AnswerKey& key) {
  const std::size_t first = key.hash() % links_.size();
  for (std::size_t i = 0; i < links_.size(); ++i) {
    redis::Link* link = links_[(first + i) % links_.size()].get();
    if (link->up()) return link;
  }
  return nullptr;
}

bool RedisTier::available() const {
  if (std::ranges::none_of(links_, [](const auto& link) { return link->up(); })) return false;
  if (!late_.load(std::memory_order_relaxed)) return true;
  absl::MutexLock lock(mutex_);
  return clock_.SteadyNow() >= left_until_;
}

void RedisTier::Get(const AnswerKey& key, Found found) {
  redis::Link* link = LinkFor(key);
  if (link == nullptr || !available()) return found(Away());
  auto asking = std::make_shared<Asking>();
  asking->found = std::move(found);
  asking->deadline = clock_.SteadyNow() + timeout_;
  {
    absl::MutexLock lock(mutex_);
    asking_.push_back(asking);
  }
  std::vector<std::string> words = {"GET", NameOf(key)};
  redis::Callback callback = [this, key, asking](const redis::ReplyOr& reply) {
    if (reply.ok()) InTime();
    if (asking->answered.exchange(true)) return;  // it was given up
    asking->found(Read(key, reply));
  };
  if (!link->TrySend(words, callback) && !asking->answered.exchange(true)) asking->found(Away());
}

absl::StatusOr<AnswerPtr> RedisTier::Read(const AnswerKey& key, const redis::ReplyOr& reply) {
  if (!reply.ok()) {
    errors_.fetch_add(1, std::memory_order_relaxed);
    return absl::UnavailableError(reply.status().message());
  }
  if (reply->nil()) return absl::NotFoundError("not in Redis");
  absl::StatusOr<AnswerPtr> answer =
      Unpack(reply->text, key, max_answer_bytes_ + kUnpackedOverhead);
  if (answer.ok()) {
    if ((*answer)->expires_us() > ToMicros(clock_.SystemNow())) return answer;
    return absl::NotFoundError("it has expired");
  }
  damaged_.fetch_add(1, std::memory_order_relaxed);
  log_.Warn("an answer in Redis is damaged: it is removed",
            {{"key", key.Hex()}, {"error", answer.status()}});
  Remove(key);
  return absl::NotFoundError("it was damaged");
}

void RedisTier::Put(AnswerPtr answer, Done done) {
  const AnswerKey key = KeyOf(*answer);
  redis::Link* link = LinkFor(key);
  if (link == nullptr) return done(Away());
  const auto left = std::chrono::microseconds(answer->expires_us()) -
                    std::chrono::microseconds(ToMicros(clock_.SystemNow()));
  const auto ttl = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::min<std::chrono::nanoseconds>(left, max_ttl_));
  if (ttl.count() <= 0) return done(absl::OutOfRangeError("it has expired"));
  const auto asker = std::make_shared<Done>(std::move(done));
  std::vector<std::string> words = {"SET", NameOf(key), Pack(*answer, packing_), "PX",
                                    absl::StrCat(ttl.count())};
  redis::Callback callback = [this, asker](const redis::ReplyOr& reply) {
    (reply.ok() ? stores_ : errors_).fetch_add(1, std::memory_order_relaxed);
    (*asker)(reply.status());
  };
  if (!link->TrySend(words, callback)) (*asker)(Away());
}

void RedisTier::Remove(const AnswerKey& key) {
  redis::Link* link = LinkFor(key);
  if (link != nullptr) link->Send({"DEL", NameOf(key)}, {});
}

void RedisTier::GiveUpLate() {
  std::vector<std::shared_ptr<Asking>> late;
  {
    absl::MutexLock lock(mutex_);
    const time::SteadyTime now = clock_.SteadyNow();
    while (!asking_.empty() && (asking_.front()->answered || asking_.front()->deadline <= now)) {
      if (!asking_.front()->answered.exchange(true)) late.push_back(asking_.front());
      asking_.pop_front();
    }
  }
  if (late.empty()) return;
  Late();
  errors_.fetch_add(late.size(), std::memory_order_relaxed);
  for (const auto& asking : late) {
    asking->found(absl::UnavailableError("Redis did not answer in time"));
  }
}

void RedisTier::Late() {
  bool first = false;
  {
    absl::MutexLock lock(mutex_);
    // That it is late just now is known to some that were asked before it was.
    if (late_.load(std::memory_order_relaxed) && clock_.SteadyNow() < left_until_) return;
    left_until_ = clock_.SteadyNow() + pause_.NextDelay(1);
    late_.store(true, std::memory_order_relaxed);
    first = !std::exchange(told_away_, true);
  }
  if (first) log_.Warn("Redis answers late: answers there are misses", {});
}

void RedisTier::InTime() {
  if (!late_.load(std::memory_order_relaxed)) {
    absl::MutexLock lock(mutex_);
    if (!std::exchange(told_away_, false)) return;
  } else {
    absl::MutexLock lock(mutex_);
    late_.store(false, std::memory_order_relaxed);
    pause_.Reset();
    told_away_ = false;
  }
  log_.Info("Redis is there");
}

TierCounts RedisTier::counts() const {
  return {.stores = stores_.load(std::memory_order_relaxed),
          .damaged = damaged_.load(std::memory_order_relaxed),
          .errors = errors_.load(std::memory_order_relaxed)};
}

}  // namespace chasqui::cache
