// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/cache/load/answer_load.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "chasqui/cache/v1/cache_service.pb.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "common/redis/link.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_call.h"
#include "common/rpc/loop.h"
#include "common/rpc/message.h"
#include "common/rpc/one_shot.h"
#include "tests/support/cache/answers.h"
#include "tools/load/samples.h"

namespace chasqui::bench {
namespace {

using Kind = AnswerLoadKind;
using Options = AnswerLoadOptions;
using namespace std::chrono_literals;
using cache::v1::LookupRequest;
using cache::v1::LookupResponse;
using concurrency::Task;
using inference::v1::GenerateRequest;
using inference::v1::StreamGenerateResponse;

constexpr char kLookupPath[] = "/chasqui.cache.v1.CacheService/Lookup";
constexpr char kStreamPath[] = "/chasqui.inference.v1.InferenceService/StreamGenerate";

// All users run as coroutines on one loop.
class Driver {
 public:
  Driver(const Options& options, rpc::Channel channel)
      : options_(options), channel_(std::move(channel)) {
    if (options.kind == Kind::kRedis) OpenRedis();
  }

  nlohmann::json Run() {
    absl::Notification done;
    loop_.Spawn([](Driver& self, absl::Notification& notify) -> Task<void> {
      co_await self.Conduct();
      notify.Notify();
    }(*this, done));
    done.WaitForNotification();
    loop_.Stop();
    return Report();
  }
  const std::string& error() const { return error_; }

 private:
  void OpenRedis() {
    redis::Link::Options link;
    link.thread_name = "bench-redis";
    link.address = options_.target;
    link.on_state = [this](const absl::Status& state) {
      if (state.ok() && !redis_up_.HasBeenNotified()) redis_up_.Notify();
    };
    redis_ = std::make_unique<redis::Link>(std::move(link));
    redis_up_.WaitForNotification();
  }

  Task<void> Conduct() {
    for (std::uint64_t i = 0; i < options_.answers && error_.empty(); ++i) co_await Prepare(i);
    for (int user = 0; user < options_.users; ++user) loop_.Start(User());
    co_await loop_.SleepFor(std::chrono::milliseconds(options_.warm_up_ms));
    measuring_ = true;
    const time::SteadyTime begun = time::SteadyNow();
    co_await loop_.SleepFor(std::chrono::milliseconds(options_.window_ms));
    measured_ = time::SteadyNow() - begun;
    measuring_ = false;
    stopping_ = true;
    while (done_ < options_.users) co_await loop_.SleepFor(5ms);
  }

  Task<void> User() {
    while (!stopping_ && error_.empty()) {
      const time::SteadyTime begin = time::SteadyNow();
      const std::optional<time::Duration> first = co_await Ask(next_++ % options_.answers, begin);
      if (!first.has_value() || !measuring_) continue;
      ++operations_;
      whole_.Add(time::SteadyNow() - begin);
      first_.Add(*first);
    }
    ++done_;
  }

  Task<void> Prepare(std::uint64_t number) {
    switch (options_.kind) {
      case Kind::kLookup:
        co_await Fill(number);
        break;
      case Kind::kRedis: {
        const std::string value(options_.answer_bytes, 'x');
        co_await Command({"SET", absl::StrCat("bench:", number), value});
        break;
      }
      case Kind::kGenerate:
        if (!options_.bypass) co_await Ask(number, time::SteadyNow());
        break;
    }
  }

  // Has an answer remembered, unless it is.
  Task<void> Fill(std::uint64_t number) {
    rpc::ClientCall call(loop_, channel_, kLookupPath);
    co_await call.Write(rpc::Serialize(Question(number)));
    LookupResponse response;
    const auto bytes = co_await call.Read();
    if (!bytes.has_value() || !rpc::Parse(*bytes, response)) {
      error_ = std::string((co_await call.Finish()).message());
      co_return;
    }
    if (response.outcome() != cache::v1::OUTCOME_LEAD) co_return;
    LookupRequest fill;
    constexpr std::size_t kEvents = 32;
    for (std::size_t i = 0; i < kEvents; ++i) {
      fill.mutable_fill()->add_events(std::string(options_.answer_bytes / kEvents, 'x'));
    }
    co_await call.Write(rpc::Serialize(fill));
    LookupRequest done;
    done.mutable_done()->set_remember(true);
    call.WriteLast(rpc::Serialize(done));
    while ((co_await call.Read()).has_value()) {
    }
    co_await call.Finish();
  }

  static LookupRequest Question(std::uint64_t number) {
    LookupRequest request;
    auto& ask = *request.mutable_ask();
    ask.set_key(std::string(testing::KeyNumber(number).bytes()));
    ask.set_model("m");
    ask.set_priority(inference::v1::PRIORITY_HIGH);
    return request;
  }

  // When the first of the answer came; nothing when it did not.
  Task<std::optional<time::Duration>> Ask(std::uint64_t number, time::SteadyTime begin) {
    if (options_.kind == Kind::kRedis) {
      if (!co_await Command({"GET", absl::StrCat("bench:", number)})) co_return std::nullopt;
      co_return time::SteadyNow() - begin;
    }
    const bool lookup = options_.kind == Kind::kLookup;
    rpc::ClientCall call(loop_, channel_, lookup ? kLookupPath : kStreamPath);
    if (lookup) {
      call.WriteLast(rpc::Serialize(Question(number)));
    } else {
      call.WriteLast(rpc::Serialize(Prompt(number)));
    }
    std::optional<time::Duration> first;
    int messages = 0;
    while (const auto bytes = co_await call.Read()) {
      // A stream's first message says only who answers.
      if (++messages == (lookup ? 1 : 2)) first = time::SteadyNow() - begin;
      LookupResponse response;
      if (lookup && messages == 1 &&
          (!rpc::Parse(*bytes, response) || response.outcome() != cache::v1::OUTCOME_HIT)) {
        error_ = "an answer that should be remembered is not";
        co_return std::nullopt;
      }
    }
    if (const absl::Status status = co_await call.Finish(); !status.ok()) {
      error_ = std::string(status.message());
      co_return std::nullopt;
    }
    co_return first;
  }

  GenerateRequest Prompt(std::uint64_t number) const {
    GenerateRequest request;
    request.set_prompt(absl::StrCat("Story number ", number, ": once upon a time, a llama"));
    request.mutable_sampling()->set_temperature(0);
    request.mutable_stop()->set_max_tokens(options_.max_tokens);
    request.mutable_stop()->set_ignore_eos(true);
    if (options_.bypass) {
      request.mutable_cache_policy()->set_mode(inference::v1::CachePolicy::MODE_BYPASS);
    }
    return request;
  }

  Task<bool> Command(std::vector<std::string> words) {
    auto answered = std::make_shared<rpc::OneShot<bool>>();
    redis_->Send(std::move(words), [this, answered](const redis::ReplyOr& reply) {
      loop_.Post([answered, ok = reply.ok() && !reply->nil()] { answered->Set(ok); });
    });
    co_return co_await *answered;
  }

  nlohmann::json Report() const {
    const auto us = [](std::optional<time::Duration> duration) -> nlohmann::json {
      if (!duration.has_value()) return nullptr;
      return std::chrono::duration<double, std::micro>(*duration).count();
    };
    const double seconds = std::chrono::duration<double>(measured_).count();
    return {{"answers_per_second", static_cast<double>(operations_) / seconds},
            {"first_p50_us", us(first_.Percentile(50))},
            {"first_p99_us", us(first_.Percentile(99))},
            {"whole_p50_us", us(whole_.Percentile(50))},
            {"whole_p99_us", us(whole_.Percentile(99))}};
  }

  const Options options_;
  const rpc::Channel channel_;
  absl::Notification redis_up_;
  std::unique_ptr<redis::Link> redis_;

  // Confined to the loop.
  std::string error_;
  bool measuring_ = false;
  bool stopping_ = false;
  int done_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t operations_ = 0;
  load::Samples first_;
  load::Samples whole_;
  time::Duration measured_{};

  rpc::Loop loop_{"load"};  // last: works on all of the above
};

}  // namespace

absl::StatusOr<nlohmann::json> MeasureAnswers(const AnswerLoadOptions& options) {
  // Redis is not reached by this channel, which then never connects.
  ABSL_ASSIGN_OR_RETURN(rpc::Channel channel, rpc::Channel::Create(options.target, {}));
  Driver driver(options, std::move(channel));
  nlohmann::json report = driver.Run();
  if (!driver.error().empty()) return absl::UnavailableError(driver.error());
  return report;
}

}  // namespace chasqui::bench
