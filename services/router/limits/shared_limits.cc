// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/shared_limits.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/redis/settings.h"
#include "common/rpc/one_shot.h"
#include "common/service/settings.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

// Redis names scripts by their SHA-1.
std::string ShaOf(std::string_view script) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(script.data()), script.size(), digest.data());
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

absl::Status Away() { return absl::UnavailableError("Redis is away"); }

// Who waits for an answer, and where.
struct Waiting {
  explicit Waiting(rpc::Loop& its_loop) : loop(its_loop) {}
  rpc::Loop& loop;
  rpc::OneShot<redis::ReplyOr> reply;
};

}  // namespace

SharedLimits::SharedLimits(const config::v1::RedisConfig& config, observability::Metrics& metrics,
                           observability::Logger log)
    : timeout_(service::ToDuration(config.timeout())),
      prefix_(absl::StrCat(config.key_prefix(), "limits:")),
      sha_(ShaOf(kLimitsScript)),
      log_(std::move(log)),
      up_(metrics.AddGauge("chasqui_router_limits_shared",
                           "Whether limits are shared in Redis at this moment: 1 or 0.")),
      link_(LinkOptions(config)) {}

redis::Link::Options SharedLimits::LinkOptions(const config::v1::RedisConfig& config) {
  redis::Link::Options options = redis::LinkOptions(config);
  options.thread_name = "limits-redis";
  options.greeting.push_back({"SCRIPT", "LOAD", std::string(kLimitsScript)});
  options.on_state = [this](const absl::Status& state) { OnState(state); };
  return options;
}

rpc::Task<absl::StatusOr<TakeAnswer>> SharedLimits::Take(rpc::Loop& loop,
                                                         std::span<const Draw> draws) {
  if (!link_.up() || late_.load(std::memory_order_relaxed)) co_return Away();
  const auto waiting = std::make_shared<Waiting>(loop);
  Send(TakeCommand(sha_, prefix_, draws), [waiting](redis::ReplyOr reply) {
    waiting->loop.Post(
        [waiting, reply = std::move(reply)]() mutable { waiting->reply.Set(std::move(reply)); });
  });
  const auto timer = loop.After(timeout_, [this, waiting] {
    late_.store(true, std::memory_order_relaxed);
    waiting->reply.Set(absl::UnavailableError("Redis did not answer in time"));
  });
  const absl::StatusOr<std::vector<std::int64_t>> answer = redis::Integers(co_await waiting->reply);
  if (!answer.ok()) co_return answer.status();
  co_return ReadTakeAnswer(draws, *answer);
}

void SharedLimits::Settle(std::span<const Drawn> drawn, std::uint64_t units) {
  if (!drawn.empty()) Send(SettleCommand(sha_, prefix_, drawn, units), {});
}

void SharedLimits::Send(std::vector<std::string> command, redis::Callback done) {
  link_.Send(std::move(command), [this, done = std::move(done)](redis::ReplyOr reply) mutable {
    if (reply.ok()) late_.store(false, std::memory_order_relaxed);
    // Somebody flushed the scripts: what comes next finds it again.
    if (absl::IsFailedPrecondition(reply.status())) {
      link_.Send({"SCRIPT", "LOAD", std::string(kLimitsScript)}, {});
    }
    if (done) done(std::move(reply));
  });
}

void SharedLimits::OnState(const absl::Status& state) {
  up_.Set(state.ok() ? 1 : 0);
  if (state.ok()) {
    late_.store(false, std::memory_order_relaxed);
    log_.Info("limits are shared in Redis");
  } else {
    log_.Warn("Redis is away: each router counts for itself", {{"error", state}});
  }
}

}  // namespace chasqui::router
