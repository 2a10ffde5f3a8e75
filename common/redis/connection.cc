// SPDX-License-Identifier: Apache-2.0
#include "common/redis/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <poll.h>

#include "absl/log/check.h"
#include "absl/strings/numbers.h"

namespace chasqui::redis {
namespace {

// Of one array of an answer: far more than anything here asks for.
constexpr long long kMostElements = 1 << 20;

// The pointers and sizes that hiredis wants.
struct Arguments {
  explicit Arguments(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
  }
  int count() const { return static_cast<int>(texts.size()); }

  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
};

}  // namespace

int PollTimeout(std::optional<time::SteadyTime> deadline) {
  if (!deadline.has_value()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - time::SteadyNow());
  return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

Connection::Connection(Link::Options& options, std::atomic<std::size_t>& pending)
    : options_(options), pending_(pending), began_(time::SteadyNow()), heard_(began_) {
  Connect();
}

Connection::~Connection() {
  if (context_ != nullptr) redisAsyncFree(context_);
}

void Connection::Connect() {
  redisOptions options = {};
  const std::string& address = options_.address;
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  int port = 0;
  if (address.starts_with("unix:")) {
    REDIS_OPTIONS_SET_UNIX(&options, address.c_str() + 5);
  } else if (absl::SimpleAtoi(address.substr(colon + 1), &port)) {
    REDIS_OPTIONS_SET_TCP(&options, host.c_str(), port);
  }
  context_ = redisAsyncConnectWithOptions(&options);
  if (context_ == nullptr) {
    failure_ = Away("no memory for a connection");
  } else if (context_->err != 0) {
    failure_ = Away(context_->errstr);
    redisAsyncFree(std::exchange(context_, nullptr));
  } else {
    context_->c.reader->maxelements = kMostElements;
    SetHooks();
  }
}

void Connection::SetHooks() {
  context_->data = this;
  auto& hooks = context_->ev;
  hooks.data = this;
  hooks.addRead = [](void* self) { static_cast<Connection*>(self)->reading_ = true; };
  hooks.delRead = [](void* self) { static_cast<Connection*>(self)->reading_ = false; };
  hooks.addWrite = [](void* self) { static_cast<Connection*>(self)->writing_ = true; };
  hooks.delWrite = [](void* self) { static_cast<Connection*>(self)->writing_ = false; };
  hooks.cleanup = [](void* self) { static_cast<Connection*>(self)->context_ = nullptr; };
  redisAsyncSetConnectCallback(context_, [](const redisAsyncContext* context, int status) {
    auto& self = *static_cast<Connection*>(context->data);
    self.connected_ = status == REDIS_OK;
    if (status != REDIS_OK) self.failure_ = Away(context->errstr);
  });
  redisAsyncSetDisconnectCallback(context_, [](const redisAsyncContext* context, int status) {
    auto& self = *static_cast<Connection*>(context->data);
    if (status != REDIS_OK && self.failure_.ok()) self.failure_ = Away(context->errstr);
  });
}

void Connection::Greet() {
  greeted_ = true;
  for (const std::vector<std::string>& words : options_.greeting) Greet(words);
  if (!options_.channels.empty()) {
    // The protocol in which messages are told from answers.
    Greet({"HELLO", "3"});
    Listen();
  }
  // A server that hangs takes connections, too. And its answer comes after those of SUBSCRIBE.
  Greet({"PING"});
}

void Connection::Greet(std::vector<std::string> words) {
  ++ungreeted_;
  pending_.fetch_add(1);
  Send({.words = std::move(words),
        .done =
            [this](const ReplyOr& reply) {
              --ungreeted_;
              if (!reply.ok() && failure_.ok()) failure_ = reply.status();
            },
        .asked = time::SteadyNow()});
}

void Connection::Listen() {
  std::vector<std::string> words = {"SUBSCRIBE"};
  words.insert(words.end(), options_.channels.begin(), options_.channels.end());
  Arguments arguments(words);
  const auto on_push = [](redisAsyncContext*, void* reply, void* data) {
    const auto* const push = static_cast<const redisReply*>(reply);
    if (push == nullptr || push->type != REDIS_REPLY_PUSH || push->elements != 3) return;
    const auto part = [&](std::size_t i) -> std::string_view {
      return {push->element[i]->str, push->element[i]->len};
    };
    auto& on_message = static_cast<Connection*>(data)->options_.on_message;
    if (push->element[2]->type == REDIS_REPLY_STRING && part(0) == "message" && on_message) {
      on_message(part(1), part(2));
    }
  };
  if (context_ == nullptr ||
      redisAsyncCommandArgv(context_, on_push, this, arguments.count(), arguments.texts.data(),
                            arguments.sizes.data()) != REDIS_OK) {
    failure_ = Away("the connection broke");
  }
}

absl::Status Connection::Ended() const {
  return failure_.ok() ? Away("the connection broke") : failure_;
}

absl::StatusOr<bool> Connection::Step(int wake) {
  if (connected_ && !greeted_) Greet();
  if (context_ == nullptr || !failure_.ok()) return Ended();
  if (absl::Status late = SeeToTimes(time::SteadyNow()); !late.ok()) return late;
  if (context_ == nullptr) return Ended();
  const auto wanted = static_cast<short>((reading_ ? POLLIN : 0) | (writing_ ? POLLOUT : 0));
  std::array<pollfd, 2> sources = {{{wake, POLLIN, 0}, {context_->c.fd, wanted, 0}}};
  if (poll(sources.data(), sources.size(), PollTimeout(NextDeadline())) < 0) {
    return errno == EINTR ? absl::StatusOr<bool>(false) : Away("the connection cannot be polled");
  }
  const short events = sources[1].revents;
  const bool trouble = (events & (POLLERR | POLLHUP)) != 0;
  if (trouble && wanted == 0) return Ended();
  OnReady(events, trouble);
  if (context_ == nullptr || !failure_.ok()) return Ended();
  return sources[0].revents != 0;
}

void Connection::OnReady(short events, bool trouble) {
  if (reading_ && ((events & POLLIN) != 0 || trouble)) {
    heard_ = time::SteadyNow();
    redisAsyncHandleRead(context_);
  }
  if (context_ != nullptr && writing_ && ((events & POLLOUT) != 0 || trouble)) {
    redisAsyncHandleWrite(context_);
  }
}

absl::Status Connection::SeeToTimes(time::SteadyTime now) {
  if (!connected_) {
    return now >= began_ + options_.connect_timeout ? Away("no connection in time")
                                                    : absl::OkStatus();
  }
  while (options_.answer_timeout.count() > 0 && given_up_ < waiting_.size() &&
         waiting_[given_up_]->asked + options_.answer_timeout <= now) {
    Waiting& late = *waiting_[given_up_++];
    if (Callback done = std::exchange(late.done, nullptr))
      done(absl::DeadlineExceededError("Redis: no answer in time"));
  }
  if (!waiting_.empty()) {
    const bool broken = std::max(heard_, waiting_.front()->sent) + options_.command_timeout <= now;
    return broken ? Away("no answer in time") : absl::OkStatus();
  }
  if (options_.ping_interval.count() > 0 && heard_ + options_.ping_interval <= now) {
    pending_.fetch_add(1);
    Send({.words = {"PING"}, .done = nullptr, .asked = now});
  }
  return absl::OkStatus();
}

std::optional<time::SteadyTime> Connection::NextDeadline() const {
  if (!connected_) return began_ + options_.connect_timeout;
  if (waiting_.empty()) {
    if (options_.ping_interval.count() == 0) return std::nullopt;
    return heard_ + options_.ping_interval;
  }
  time::SteadyTime next = std::max(heard_, waiting_.front()->sent) + options_.command_timeout;
  if (options_.answer_timeout.count() > 0 && given_up_ < waiting_.size()) {
    next = std::min(next, waiting_[given_up_]->asked + options_.answer_timeout);
  }
  return next;
}

void Connection::Send(Command command) {
  if (command.words.empty()) {
    pending_.fetch_sub(1);
    if (command.done) command.done(Reply());
    return;
  }
  Arguments words(command.words);
  auto waiting =
      std::make_unique<Waiting>(*this, std::move(command.done), command.asked, time::SteadyNow());
  const auto on_answer = [](redisAsyncContext*, void* reply, void* data) {
    const std::unique_ptr<Waiting> answered(static_cast<Waiting*>(data));
    answered->connection.OnAnswer(*answered, ToReply(static_cast<const redisReply*>(reply)));
  };
  const bool sent = context_ != nullptr &&
                    redisAsyncCommandArgv(context_, on_answer, waiting.get(), words.count(),
                                          words.texts.data(), words.sizes.data()) == REDIS_OK;
  if (!sent) {
    pending_.fetch_sub(1);
    if (waiting->done) waiting->done(Away("the connection broke"));
    return;
  }
  // hiredis has it until it calls on_answer, which it does for every command in the end.
  waiting_.push_back(waiting.release());
}

void Connection::OnAnswer(Waiting& waiting, ReplyOr answer) {
  DCHECK(!waiting_.empty() && waiting_.front() == &waiting);
  waiting_.pop_front();
  pending_.fetch_sub(1);
  if (given_up_ > 0) {
    --given_up_;
    if (answer.ok() && options_.on_late_answer) options_.on_late_answer();
  }
  if (waiting.done) waiting.done(std::move(answer));
}

}  // namespace chasqui::redis
