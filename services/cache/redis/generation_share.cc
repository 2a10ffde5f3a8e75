// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/generation_share.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/redis/settings.h"

namespace chasqui::cache {
namespace {

using namespace std::chrono_literals;

constexpr time::Duration kAckTimeout = 1s;
constexpr auto kPingInterval = 500ms;
constexpr time::Duration kSweepInterval = 50ms;

// Forgets all if ARGV[3] says so, sets fields ARGV[4...] of the hash, and tells the message: all at
// once, so that nobody learns of the one without the other. Answers how many were told.
constexpr char kScript[] = R"(
if ARGV[3] == '1' then redis.call('DEL', KEYS[1]) end
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return redis.call('PUBLISH', ARGV[1], ARGV[2])
)";

std::string RandomId() {
  std::random_device device;
  return absl::StrCat(absl::Hex(device(), absl::kZeroPad8), absl::Hex(device(), absl::kZeroPad8));
}

std::vector<Generations::Entry> EntriesOf(const v1::GenerationNotice& notice) {
  std::vector<Generations::Entry> entries;
  for (const auto& changed : notice.changed()) {
    entries.emplace_back(changed.name(), Generation{.value = changed.value()});
  }
  return entries;
}

}  // namespace

GenerationShare::GenerationShare(const config::v1::RedisTierConfig& config,
                                 Generations& generations,
                                 absl::AnyInvocable<void(Generations::Change)> on_heard,
                                 const time::Clock& clock, observability::Logger log)
    : generations_(generations),
      on_heard_(std::move(on_heard)),
      clock_(clock),
      log_(std::move(log)),
      id_(RandomId()),
      hash_(absl::StrCat(config.server().key_prefix(), "generations")),
      notices_(absl::StrCat(config.server().key_prefix(), "invalidations")),
      acks_(absl::StrCat(config.server().key_prefix(), "invalidation-acks")),
      unheard_since_(clock.SteadyNow()),
      link_(LinkOptions(config)),
      sweeper_("cache-gen-acks", kSweepInterval, [this] { GiveUpLate(); }) {}

redis::Link::Options GenerationShare::LinkOptions(const config::v1::RedisTierConfig& config) {
  redis::Link::Options options = redis::LinkOptions(config.server());
  options.thread_name = "cache-gen";
  options.greeting.push_back({"HELLO", "3"});
  options.channels = {notices_, acks_};
  options.ping_interval = kPingInterval;
  options.on_state = [this](const absl::Status& state) { OnState(state); };
  options.on_message = [this](std::string_view channel, std::string_view message) {
    OnMessage(channel, message);
  };
  return options;
}

void GenerationShare::OnState(const absl::Status& state) {
  if (state.ok()) return CatchUp();
  std::vector<Done> given_up;
  {
    absl::MutexLock lock(mutex_);
    if (!unheard_since_.has_value()) unheard_since_ = clock_.SteadyNow();
    for (auto& [number, pending] : pending_) given_up.push_back(std::move(pending.done));
    pending_.clear();
  }
  replicas_.store(0, std::memory_order_relaxed);
  for (Done& done : given_up) done(1, true);
  log_.Warn("invalidations of other replicas are not heard: Redis is away", {{"error", state}});
}

// The link listens already, so that what changes meanwhile is heard, too.
void GenerationShare::CatchUp() {
  link_.Send({"HGETALL", hash_}, [this](const redis::ReplyOr& reply) { Learn(reply); });
}

void GenerationShare::Learn(const redis::ReplyOr& reply) {
  if (!reply.ok()) return;  // the link tells why, and tries again
  std::vector<Generations::Entry> theirs;
  absl::flat_hash_map<std::string, std::uint64_t> known;
  for (std::size_t i = 0; i + 1 < reply->elements.size(); i += 2) {
    std::uint64_t value = 0;
    if (!absl::SimpleAtoi(reply->elements[i + 1].text, &value) || value == 0) continue;
    theirs.emplace_back(reply->elements[i].text, Generation{.value = value});
    known[reply->elements[i].text] = value;
  }
  Generations::Change learned = generations_.Merge(theirs);
  if (!learned.entries.empty()) on_heard_(learned);
  Generations::Change unknown{.all_others_forgotten = learned.all_others_forgotten};
  for (const Generations::Entry& entry : generations_.All()) {
    const auto it = known.find(entry.first);
    if (it == known.end() || it->second != entry.second.value) unknown.entries.push_back(entry);
  }
  const auto in_step = [this] {
    absl::MutexLock lock(mutex_);
    unheard_since_ = std::nullopt;
  };
  if (unknown.entries.empty()) return in_step();
  // Number 0: nobody waits for it.
  Publish(unknown, 0, [this, in_step, entries = unknown.entries](const redis::ReplyOr& told) {
    if (!told.ok()) return;
    generations_.MarkShared(entries);
    in_step();
  });
}

bool GenerationShare::Publish(const Generations::Change& change, std::uint64_t number,
                              absl::AnyInvocable<void(const redis::ReplyOr&)> done) {
  v1::GenerationNotice notice;
  notice.set_sender(id_);
  notice.set_number(number);
  notice.set_all_others_forgotten(change.all_others_forgotten);
  std::vector<std::string> command = {"EVAL", kScript, "1", hash_, notices_};
  command.emplace_back();  // the message
  command.emplace_back(change.all_others_forgotten ? "1" : "0");
  for (const auto& [name, generation] : change.entries) {
    auto& changed = *notice.add_changed();
    changed.set_name(name);
    changed.set_value(generation.value);
    command.push_back(name);
    command.push_back(absl::StrCat(generation.value));
  }
  command[5] = notice.SerializeAsString();
  redis::Callback callback = [done = std::move(done)](const redis::ReplyOr& reply) mutable {
    done(reply);
  };
  return link_.TrySend(command, callback);
}

void GenerationShare::Share(Generations::Change change, Done done) {
  std::uint64_t number = 0;
  {
    absl::MutexLock lock(mutex_);
    number = next_number_++;
    pending_[number] = {.done = std::move(done), .deadline = clock_.SteadyNow() + kAckTimeout};
  }
  const bool sent =
      Publish(change, number, [this, number, entries = change.entries](const redis::ReplyOr& told) {
        const auto count = redis::Integers(told);
        if (!count.ok() || count->empty()) return;  // it is given up in time
        generations_.MarkShared(entries);
        const auto replicas = static_cast<std::uint32_t>(count->front());
        replicas_.store(replicas, std::memory_order_relaxed);
        {
          absl::MutexLock lock(mutex_);
          const auto it = pending_.find(number);
          if (it == pending_.end()) return;
          it->second.expected = replicas;
        }
        Settle(number);
      });
  if (sent) return;
  std::optional<Pending> unsent;
  {
    absl::MutexLock lock(mutex_);
    const auto it = pending_.find(number);
    if (it == pending_.end()) return;
    unsent = std::move(it->second);
    pending_.erase(it);
  }
  unsent->done(1, true);
}

void GenerationShare::OnMessage(std::string_view channel, std::string_view message) {
  if (channel == acks_) return OnAck(message);
  v1::GenerationNotice notice;
  if (notice.ParseFromArray(message.data(), static_cast<int>(message.size()))) OnNotice(notice);
}

void GenerationShare::OnNotice(const v1::GenerationNotice& notice) {
  const bool own = notice.sender() == id_;
  if (!own) {
    Generations::Change heard =
        generations_.Merge(EntriesOf(notice), notice.all_others_forgotten());
    ShareConflicts(heard);
    if (!heard.entries.empty()) on_heard_(std::move(heard));
  }
  if (notice.number() == 0) return;
  if (own) return OnAck(absl::StrCat(id_, ":", notice.number()));
  link_.Send({"PUBLISH", acks_, absl::StrCat(notice.sender(), ":", notice.number())}, {});
}

// What two replicas invalidated without hearing each other got another generation here, of which
// nobody knows yet.
void GenerationShare::ShareConflicts(const Generations::Change& heard) {
  Generations::Change conflicts;
  for (const Generations::Entry& entry : heard.entries) {
    if (entry.second.unshared) conflicts.entries.push_back(entry);
  }
  if (conflicts.entries.empty()) return;
  Publish(conflicts, 0, [this, entries = conflicts.entries](const redis::ReplyOr& told) {
    if (told.ok()) generations_.MarkShared(entries);
  });
}

void GenerationShare::OnAck(std::string_view ack) {
  const std::pair<std::string_view, std::string_view> parts = absl::StrSplit(ack, ':');
  std::uint64_t number = 0;
  if (parts.first != id_ || !absl::SimpleAtoi(parts.second, &number)) return;
  {
    absl::MutexLock lock(mutex_);
    const auto it = pending_.find(number);
    if (it == pending_.end()) return;
    ++it->second.applied;
  }
  Settle(number);
}

void GenerationShare::Settle(std::uint64_t number) {
  std::optional<Pending> settled;
  {
    absl::MutexLock lock(mutex_);
    const auto it = pending_.find(number);
    if (it == pending_.end()) return;
    if (!it->second.expected.has_value() || it->second.applied < *it->second.expected) return;
    settled = std::move(it->second);
    pending_.erase(it);
  }
  settled->done(settled->applied, false);
}

void GenerationShare::GiveUpLate() {
  std::vector<Pending> late;
  {
    absl::MutexLock lock(mutex_);
    const time::SteadyTime now = clock_.SteadyNow();
    absl::erase_if(pending_, [&](auto& entry) {
      if (entry.second.deadline > now) return false;
      late.push_back(std::move(entry.second));
      return true;
    });
  }
  for (Pending& pending : late) pending.done(std::max(pending.applied, 1U), true);
}

time::Duration GenerationShare::UnheardFor(time::SteadyTime now) const {
  absl::MutexLock lock(mutex_);
  if (!unheard_since_.has_value()) return time::Duration::zero();
  // Even one that has just begun does not hear yet.
  return std::max<time::Duration>(now - *unheard_since_, time::Duration(1));
}

}  // namespace chasqui::cache
