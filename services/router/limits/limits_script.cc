// SPDX-License-Identifier: Apache-2.0
#include "services/router/limits/limits_script.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"

namespace chasqui::router {
namespace {

using std::chrono::microseconds;

std::int64_t Microseconds(time::Duration duration) {
  return std::chrono::duration_cast<microseconds>(duration).count();
}

std::int64_t Microseconds(time::SteadyTime when) { return Microseconds(when.time_since_epoch()); }

// Rounded down like GcraCost, and at least a tick of Redis' clock.
std::int64_t CostOf(const resilience::GcraLimit& limit, std::uint64_t units) {
  if (units == 0) return 0;
  return std::max<std::int64_t>(Microseconds(GcraCost(limit, units)), 1);
}

std::uint64_t Charged(const Draw& draw) { return std::min(draw.units, draw.quota->limit.units); }

std::vector<std::string> Begin(std::string_view sha, std::size_t buckets) {
  return {"EVALSHA", std::string(sha), absl::StrCat(buckets)};
}

}  // namespace

// See GcraTake and GcraSettle. Numbers of Lua are doubles: exact for microseconds since 1970 until
// the year 2255.
const std::string_view kLimitsScript = R"lua(
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local function read(key)
  local value = redis.call('GET', key)
  if not value then return 0, 0 end
  local full_at, returned = string.match(value, '^(%d+) (%d+)$')
  return tonumber(full_at) or 0, tonumber(returned) or 0
end

local function write(key, full_at, returned, period)
  local keep = math.ceil(math.max(full_at - now, period) / 1000)
  redis.call('SET', key, string.format('%.0f %.0f', full_at, returned), 'PX',
             string.format('%.0f', keep))
end

if ARGV[1] == 'take' then
  local buckets, short, wait = {}, 0, 0
  for i, key in ipairs(KEYS) do
    local cost, period = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local full_at, returned = read(key)
    local after = math.max(full_at, now) + cost
    if cost > 0 and after - now - period > wait then short, wait = i, after - now - period end
    buckets[i] = {after, returned, period}
  end
  if short > 0 then return {short, wait} end
  local answer = {0}
  for i, key in ipairs(KEYS) do
    local after, returned, period = unpack(buckets[i])
    write(key, after, returned, period)
    answer[2 * i] = after
    answer[2 * i + 1] = returned
  end
  return answer
end

for i, key in ipairs(KEYS) do
  local at = 5 * i - 3
  local end_at, since = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local charged, actual = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local period = tonumber(ARGV[at + 4])
  local full_at, returned = read(key)
  if actual > charged then
    write(key, math.max(full_at, now) + actual - charged, returned, period)
  elseif full_at > 0 then
    local ahead = math.max(end_at - (returned - since) - now, 0)
    local back = math.min(charged - actual, ahead)
    if back > 0 then write(key, full_at - back, returned + back, period) end
  end
end
return {0}
)lua";

std::vector<std::string> TakeCommand(std::string_view sha, std::string_view prefix,
                                     std::span<const Draw> draws) {
  std::vector<std::string> words = Begin(sha, draws.size());
  for (const Draw& draw : draws) words.push_back(absl::StrCat(prefix, draw.quota->bucket));
  words.emplace_back("take");
  for (const Draw& draw : draws) {
    words.push_back(absl::StrCat(CostOf(draw.quota->limit, Charged(draw))));
    words.push_back(absl::StrCat(Microseconds(draw.quota->limit.period)));
  }
  return words;
}

absl::StatusOr<TakeAnswer> ReadTakeAnswer(std::span<const Draw> draws,
                                          std::span<const std::int64_t> answer) {
  const auto unusable = absl::InternalError("Redis: not the answer of the limits' script");
  if (answer.empty() || answer[0] < 0) return unusable;
  const auto short_of = static_cast<std::size_t>(answer[0]);
  if (short_of > 0) {
    if (short_of > draws.size() || answer.size() != 2) return unusable;
    return TakeAnswer{
        .shortage = Shortage{.draw = short_of - 1, .retry_after = microseconds(answer[1])},
        .drawn = {}};
  }
  if (answer.size() != 1 + 2 * draws.size()) return unusable;
  TakeAnswer taken;
  for (std::size_t i = 0; i < draws.size(); ++i) {
    taken.drawn.push_back({.bucket = draws[i].quota->bucket,
                           .limit = draws[i].quota->limit,
                           .units = Charged(draws[i]),
                           .then = {.full_at = time::SteadyTime(microseconds(answer[1 + 2 * i])),
                                    .returned = microseconds(answer[2 + 2 * i])}});
  }
  return taken;
}

std::vector<std::string> SettleCommand(std::string_view sha, std::string_view prefix,
                                       std::span<const Drawn> drawn, std::uint64_t units) {
  std::vector<std::string> words = Begin(sha, drawn.size());
  for (const Drawn& one : drawn) words.push_back(absl::StrCat(prefix, one.bucket));
  words.emplace_back("settle");
  for (const Drawn& one : drawn) {
    for (const std::int64_t number :
         {Microseconds(one.then.full_at), Microseconds(one.then.returned),
          CostOf(one.limit, one.units), CostOf(one.limit, units), Microseconds(one.limit.period)}) {
      words.push_back(absl::StrCat(number));
    }
  }
  return words;
}

}  // namespace chasqui::router
