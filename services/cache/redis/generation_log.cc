// SPDX-License-Identifier: Apache-2.0
#include "services/cache/redis/generation_log.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace chasqui::cache {
namespace {

// The field of the hash that holds "epoch position"; no name of a generation is this. The others
// hold "position generation".
constexpr std::string_view kEndField = "end";
constexpr int kPageNames = 1000;

// A hash without an end is none of ours: its positions would mean nothing.
constexpr std::string_view kLook = R"lua(
local log = redis.call('HGET', KEYS[1], 'end')
if not log then
  log = ARGV[2] .. ' 0'
  redis.call('UNLINK', KEYS[1])
  redis.call('HSET', KEYS[1], 'end', log)
end
return {log, redis.call('PUBSUB', 'NUMSUB', ARGV[1])[2]}
)lua";

// Numbers of Lua are doubles: exact for 2^53 changes. Who forgets all others must have heard of
// all others. No position of those is left then, but one of everything: who has not heard of that
// must not write either, or others would learn what the writer itself is about to forget.
constexpr std::string_view kWrite = R"lua(
local log = redis.call('HGET', KEYS[1], 'end')
local epoch, last = string.match(log or '', '^(%x+) (%d+)$')
if epoch ~= ARGV[2] then return {-1, 0} end
last = tonumber(last)
local heard = tonumber(ARGV[3])
if ARGV[4] == '1' then
  if last > heard then return {0, 0} end
  redis.call('UNLINK', KEYS[1])
else
  local function overtaken(name)
    local held = redis.call('HGET', KEYS[1], name)
    return held and (tonumber(string.match(held, '^%d+')) or 0) > heard
  end
  if overtaken(ARGV[6]) then return {0, 0} end
  for i = 7, #ARGV, 2 do
    if overtaken(ARGV[i]) then return {0, 0} end
  end
end
local position = string.format('%.0f', last + 1)
redis.call('HSET', KEYS[1], 'end', epoch .. ' ' .. position)
for i = 7, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], position .. ' ' .. ARGV[i + 1])
end
return {1, redis.call('PUBLISH', ARGV[1], epoch .. ' ' .. position .. ' ' .. ARGV[5])}
)lua";

absl::Status Unusable() { return absl::InternalError("Redis: not an answer of the log's scripts"); }

// Cuts off `text` what is before its first space.
std::string_view TakeWord(std::string_view& text) {
  const std::size_t end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

std::optional<LogPosition> TakePosition(std::string_view& text) {
  LogPosition at{.epoch = std::string(TakeWord(text))};
  if (at.epoch.empty() || !absl::SimpleAtoi(TakeWord(text), &at.position)) return std::nullopt;
  return at;
}

}  // namespace

std::vector<std::string> LookCommand(const LogNames& names, std::string_view new_epoch) {
  return {"EVAL", std::string(kLook), "1", names.hash, names.notices, std::string(new_epoch)};
}

absl::StatusOr<LookAnswer> ReadLookAnswer(const redis::ReplyOr& reply) {
  if (!reply.ok()) return reply.status();
  if (reply->elements.size() != 2) return Unusable();
  std::string_view end = reply->elements[0].text;
  std::optional<LogPosition> at = TakePosition(end);
  if (!at.has_value()) return Unusable();
  return LookAnswer{.end = *std::move(at),
                    .listeners = static_cast<std::uint32_t>(reply->elements[1].integer)};
}

std::vector<std::string> PageCommand(const LogNames& names, std::string_view cursor) {
  return {"HSCAN", names.hash, std::string(cursor), "COUNT", absl::StrCat(kPageNames)};
}

absl::StatusOr<Page> ReadPage(const redis::ReplyOr& reply) {
  if (!reply.ok()) return reply.status();
  if (reply->elements.size() != 2 || !reply->elements[1].is_array()) return Unusable();
  Page page{.next = reply->elements[0].text, .entries = {}};
  const std::vector<redis::Reply>& fields = reply->elements[1].elements;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text == kEndField) continue;
    std::string_view held = fields[i + 1].text;
    TakeWord(held);
    Generation generation;
    if (!absl::SimpleAtoi(held, &generation.value)) return Unusable();
    page.entries.emplace_back(fields[i].text, generation);
  }
  return page;
}

std::vector<std::string> WriteCommand(const LogNames& names, const LogPosition& heard,
                                      const v1::GenerationNotice& notice) {
  std::vector<std::string> words = {"EVAL",
                                    std::string(kWrite),
                                    "1",
                                    names.hash,
                                    names.notices,
                                    heard.epoch,
                                    absl::StrCat(heard.position),
                                    notice.all_others_forgotten() ? "1" : "0",
                                    notice.SerializeAsString(),
                                    EverythingName()};
  for (const v1::ChangedGeneration& changed : notice.changed()) {
    words.push_back(changed.name());
    words.push_back(absl::StrCat(changed.value()));
  }
  return words;
}

absl::StatusOr<WriteAnswer> ReadWriteAnswer(const redis::ReplyOr& reply) {
  const absl::StatusOr<std::vector<std::int64_t>> numbers = redis::Integers(reply);
  if (!numbers.ok()) return numbers.status();
  if (numbers->size() != 2) return Unusable();
  WriteAnswer answer{.listeners = static_cast<std::uint32_t>((*numbers)[1])};
  if ((*numbers)[0] > 0) {
    answer.outcome = WriteAnswer::Outcome::kWritten;
  } else if ((*numbers)[0] == 0) {
    answer.outcome = WriteAnswer::Outcome::kOvertaken;
  }
  return answer;
}

absl::StatusOr<Heard> ReadNotice(std::string_view message) {
  std::optional<LogPosition> at = TakePosition(message);
  Heard heard;
  if (!at.has_value() ||
      !heard.notice.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return absl::InvalidArgumentError("not a notice of generations");
  }
  heard.at = *std::move(at);
  return heard;
}

std::vector<Generations::Entry> EntriesOf(const v1::GenerationNotice& notice, bool unshared) {
  std::vector<Generations::Entry> entries;
  for (const v1::ChangedGeneration& changed : notice.changed()) {
    entries.emplace_back(changed.name(),
                         Generation{.value = changed.value(), .unshared = unshared});
  }
  return entries;
}

void SetEntries(std::span<const Generations::Entry> entries, v1::GenerationNotice& notice) {
  for (const auto& [name, generation] : entries) {
    v1::ChangedGeneration& changed = *notice.add_changed();
    changed.set_name(name);
    changed.set_value(generation.value);
  }
}

}  // namespace chasqui::cache
