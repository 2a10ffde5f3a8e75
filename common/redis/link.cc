// SPDX-License-Identifier: Apache-2.0
#include "common/redis/link.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <deque>
#include <optional>
#include <random>
#include <string_view>
#include <utility>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "absl/log/check.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/time/clock.h"

namespace chasqui::redis {
namespace {

absl::Status Broken(std::string_view why) {
  return absl::UnavailableError(absl::StrCat("Redis: ", why));
}

int PollTimeout(std::optional<time::SteadyTime> deadline) {
  if (!deadline.has_value()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - time::SteadyNow());
  return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

}  // namespace

// hiredis' view of the loop that serves one connection, and what is to be known of it. hiredis
// frees the context itself when the connection ends; `context` is then null.
class Link::Events {
 public:
  explicit Events(redisAsyncContext* its_context) : context(its_context) {
    context->data = this;
    auto& hooks = context->ev;
    hooks.data = this;
    hooks.addRead = [](void* self) { static_cast<Events*>(self)->reading = true; };
    hooks.delRead = [](void* self) { static_cast<Events*>(self)->reading = false; };
    hooks.addWrite = [](void* self) { static_cast<Events*>(self)->writing = true; };
    hooks.delWrite = [](void* self) { static_cast<Events*>(self)->writing = false; };
    hooks.cleanup = [](void* self) { static_cast<Events*>(self)->context = nullptr; };
    redisAsyncSetConnectCallback(context, [](const redisAsyncContext* connection, int status) {
      auto& self = *static_cast<Events*>(connection->data);
      self.connected = status == REDIS_OK;
      if (status != REDIS_OK) self.failure = Broken(connection->errstr);
    });
    redisAsyncSetDisconnectCallback(context, [](const redisAsyncContext* connection, int status) {
      auto& self = *static_cast<Events*>(connection->data);
      if (status != REDIS_OK && self.failure.ok()) self.failure = Broken(connection->errstr);
    });
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  // Commands that have no answer fail.
  ~Events() { Close(); }

  void Close() {
    if (context != nullptr) redisAsyncFree(context);
  }

  redisAsyncContext* context;
  bool reading = false;
  bool writing = false;
  bool connected = false;
  absl::Status failure;
  bool greeted = false;
  std::size_t unanswered = 0;  // of the greeting, and channels that are not heard yet
  time::SteadyTime heard = time::SteadyNow();
  std::deque<time::SteadyTime> sent;  // when each command without an answer was
};

Link::Link(Options options)
    : options_(std::move(options)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK_GE(wake_, 0) << "no file descriptors left";
  thread_ =
      concurrency::NamedThread(options_.thread_name, [this](std::stop_token stop) { Run(stop); });
}

Link::~Link() {
  thread_.RequestStop();
  Wake();
  thread_.Join();
  close(wake_);
}

bool Link::Send(std::vector<std::string> command, Callback done) {
  {
    absl::MutexLock lock(mutex_);
    if (!up() || pending_.load() >= options_.most_pending) return false;
    pending_.fetch_add(1);
    inbox_.push_back({.words = std::move(command), .done = std::move(done)});
    if (inbox_.size() > 1) return true;  // it has been woken for the first
  }
  Wake();
  return true;
}

void Link::Wake() const {
  const std::uint64_t one = 1;
  // It cannot fail but by overflow, and then the thread is awake.
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
}

void Link::Run(const std::stop_token& stop) {
  // hiredis writes to connections that may be broken: that is an error, not the end of the process.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  resilience::Backoff backoff(options_.backoff);
  std::minstd_rand random{std::random_device{}()};
  std::uniform_real_distribution<double> uniform(0, 1);
  bool told = false;
  while (!stop.stop_requested()) {
    const absl::Status ended = Serve(stop);
    if (stop.stop_requested()) break;
    const bool was_up = up();
    if (was_up) backoff.Reset();
    SetUp(false, ended);
    if (was_up || !told) options_.on_state(ended);
    told = true;
    ClearWake();
    if (stop.stop_requested()) break;
    pollfd wake{.fd = wake_, .events = POLLIN, .revents = 0};
    poll(&wake, 1, PollTimeout(time::SteadyNow() + backoff.NextDelay(uniform(random))));
  }
  SetUp(false, Broken("this process stops"));
}

absl::Status Link::Serve(const std::stop_token& stop) {
  redisOptions options = {};
  const std::string& address = options_.address;
  const std::size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon);
  int port = 0;
  if (address.starts_with("unix:")) {
    REDIS_OPTIONS_SET_UNIX(&options, address.c_str() + 5);
  } else if (absl::SimpleAtoi(address.substr(colon + 1), &port)) {
    REDIS_OPTIONS_SET_TCP(&options, host.c_str(), port);
  }
  redisAsyncContext* context = redisAsyncConnectWithOptions(&options);
  if (context == nullptr) return Broken("no memory for a connection");
  if (context->err != 0) {
    const absl::Status failure = Broken(context->errstr);
    redisAsyncFree(context);
    return failure;
  }
  Events events(context);
  const time::SteadyTime connect_deadline = time::SteadyNow() + options_.connect_timeout;
  while (!stop.stop_requested() && events.context != nullptr && events.failure.ok()) {
    if (events.connected && !events.greeted) Greet(events);
    if (events.greeted && events.unanswered == 0 && events.failure.ok() && !up()) {
      SetUp(true, absl::OkStatus());
      options_.on_state(absl::OkStatus());
    }
    if (events.context == nullptr) break;
    std::optional<time::SteadyTime> deadline;
    if (!events.connected) deadline = connect_deadline;
    if (!events.sent.empty()) deadline = events.sent.front() + options_.command_timeout;
    if (!deadline.has_value() && up() && options_.ping_interval.count() > 0) {
      if (time::SteadyNow() >= events.heard + options_.ping_interval) {
        events.heard = time::SteadyNow();
        pending_.fetch_add(1);
        SendNow(events, {.words = {"PING"}, .done = {}});
        continue;
      }
      deadline = events.heard + options_.ping_interval;
    } else if (deadline.has_value() && time::SteadyNow() >= *deadline) {
      return Broken(events.connected ? "no answer in time" : "no connection in time");
    }
    const auto wanted =
        static_cast<short>((events.reading ? POLLIN : 0) | (events.writing ? POLLOUT : 0));
    std::array<pollfd, 2> sources = {{{wake_, POLLIN, 0}, {events.context->c.fd, wanted, 0}}};
    if (poll(sources.data(), sources.size(), PollTimeout(deadline)) < 0 && errno != EINTR) continue;
    if (sources[0].revents != 0) TakeInbox(events);
    const short ready = sources[1].revents;
    const bool trouble = (ready & (POLLERR | POLLHUP)) != 0;
    if (trouble && wanted == 0) return Broken("the connection broke");
    if (events.context != nullptr && events.reading && ((ready & POLLIN) != 0 || trouble)) {
      events.heard = time::SteadyNow();
      redisAsyncHandleRead(events.context);
    }
    if (events.context != nullptr && events.writing && ((ready & POLLOUT) != 0 || trouble)) {
      redisAsyncHandleWrite(events.context);
    }
  }
  return events.failure.ok() ? Broken("the connection broke") : events.failure;
}

void Link::Greet(Events& events) {
  events.greeted = true;
  events.unanswered = options_.greeting.size() + options_.channels.size();
  for (const std::vector<std::string>& words : options_.greeting) {
    pending_.fetch_add(1);
    SendNow(events, {.words = words, .done = [&events](const ReplyOr& reply) {
                       --events.unanswered;
                       if (!reply.ok() && events.failure.ok()) events.failure = reply.status();
                     }});
  }
  Listen(events);
}

void Link::Listen(Events& events) {
  if (options_.channels.empty() || events.context == nullptr) return;
  std::vector<const char*> words = {"SUBSCRIBE"};
  for (const std::string& channel : options_.channels) words.push_back(channel.c_str());
  // Called for each channel that is heard from now on, and for each message.
  const auto on_push = [](redisAsyncContext* connection, void* pushed, void* data) {
    if (pushed == nullptr) return;
    const ReplyOr reply = ToReply(static_cast<const redisReply*>(pushed));
    if (!reply.ok() || reply->elements.size() != 3) return;
    if (reply->elements[0].text == "subscribe")
      --static_cast<Events*>(connection->data)->unanswered;
    if (reply->elements[0].text != "message") return;
    static_cast<Link*>(data)->options_.on_message(reply->elements[1].text, reply->elements[2].text);
  };
  redisAsyncCommandArgv(events.context, on_push, this, static_cast<int>(words.size()), words.data(),
                        nullptr);
}

void Link::SendNow(Events& events, Command command) {
  struct Pending {
    Link& link;
    Events& events;
    Callback done;
  };
  std::vector<const char*> words;
  std::vector<std::size_t> lengths;
  for (const std::string& word : command.words) {
    words.push_back(word.data());
    lengths.push_back(word.size());
  }
  auto pending = std::make_unique<Pending>(*this, events, std::move(command.done));
  const auto on_reply = [](redisAsyncContext*, void* reply, void* data) {
    const std::unique_ptr<Pending> waiting(static_cast<Pending*>(data));
    if (!waiting->events.sent.empty()) waiting->events.sent.pop_front();
    waiting->link.pending_.fetch_sub(1);
    if (waiting->done) waiting->done(ToReply(static_cast<const redisReply*>(reply)));
  };
  const bool sent =
      events.context != nullptr &&
      redisAsyncCommandArgv(events.context, on_reply, pending.get(), static_cast<int>(words.size()),
                            words.data(), lengths.data()) == REDIS_OK;
  if (sent) {
    events.sent.push_back(time::SteadyNow());
    // hiredis has it until it calls on_reply, which it does for every command in the end.
    static_cast<void>(pending.release());
    return;
  }
  pending_.fetch_sub(1);
  if (pending->done) pending->done(Broken("the connection broke"));
}

void Link::ClearWake() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wake_, &count, sizeof(count));
}

void Link::TakeInbox(Events& events) {
  ClearWake();
  std::vector<Command> inbox;
  {
    absl::MutexLock lock(mutex_);
    inbox.swap(inbox_);
  }
  for (Command& command : inbox) SendNow(events, std::move(command));
}

// Under the lock, so that nothing is put into the inbox of a link that is down.
void Link::SetUp(bool is_up, const absl::Status& why) {
  std::vector<Command> left;
  {
    absl::MutexLock lock(mutex_);
    up_.store(is_up, std::memory_order_relaxed);
    if (!is_up) left.swap(inbox_);
  }
  for (Command& command : left) {
    pending_.fetch_sub(1);
    if (command.done) command.done(why);
  }
}

}  // namespace chasqui::redis
