// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/kv/kv_cache.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <utility>

#include "absl/log/check.h"

namespace chasqui::worker {
namespace {

using Tokens = std::span<const std::int32_t>;

// Shorter ones are computed again sooner than they are copied twice.
constexpr std::size_t kLeastSaved = 64;

// How likely it is, about, that a prefix which has to leave is asked for again: keeping it may cost
// so much of what computing it again would.
constexpr double kLikelyUse = 0.1;

}  // namespace

KvCache::KvCache(KvMemory& memory, const Options& options)
    : memory_(memory),
      options_(options),
      seats_(memory.sequences()),
      host_(options.host_bytes, [this](std::uint32_t name) { tree_.Remove(name); }),
      next_host_name_(memory.sequences()) {}

// What the tree knows a sequence by: no token is negative, so that variants have no prefix in
// common.
std::vector<std::int32_t> KvCache::Key(std::uint32_t variant, Tokens tokens) const {
  std::vector<std::int32_t> key;
  key.reserve(tokens.size() + 1);
  key.push_back(-1 - static_cast<std::int32_t>(variant));
  key.insert(key.end(), tokens.begin(), tokens.end());
  return key;
}

PlacementQuestion KvCache::Question(Tokens key, std::vector<SeatView>& views,
                                    std::optional<std::uint32_t>& host_name) const {
  for (const Holding& seat : seats_) {
    views.push_back({.busy = seat.busy,
                     .tokens = static_cast<std::uint32_t>(seat.tokens.size()),
                     .last_used = seat.last_used});
  }
  PlacementQuestion question{.seats = views, .host = {}};
  question.most_shared = static_cast<std::uint32_t>(key.size()) - 2;
  if (!options_.share_prefixes || !memory_.can_share()) return question;
  for (const auto& [name, with_variant] : tree_.Find(key)) {
    const std::uint32_t shared = with_variant - 1;
    if (name < seats_.size()) {
      views[name].shared = shared;
      if (!memory_.unified()) {
        const double bytes = bytes_per_token_ * static_cast<double>(seats_[name].tokens.size());
        views[name].copy_seconds = 2 * bytes / copy_bytes_per_second_;
      }
    } else if (!question.host || shared > question.host->shared) {
      const double bytes = static_cast<double>(host_.Find(name)->state.size());
      question.host = HostView{shared, bytes / copy_bytes_per_second_};
      host_name = name;
    }
  }
  return question;
}

std::optional<KvCache::Seat> KvCache::Take(Tokens tokens, std::uint32_t variant,
                                           double seconds_per_token, time::SteadyTime now) {
  const std::vector<std::int32_t> key = Key(variant, tokens);
  std::vector<SeatView> views;
  std::optional<std::uint32_t> host_name;
  PlacementQuestion question = Question(key, views, host_name);
  question.seconds_per_token = seconds_per_token;
  question.neighbours = !memory_.unified();
  seconds_per_token_ = seconds_per_token;
  const std::optional<Placement> placement = Place(question);
  if (!placement) return std::nullopt;

  const std::uint32_t shared = Bring(*placement, host_name);
  Holding& seat = seats_[placement->seat];
  seat.busy = true;
  seat.variant = variant;
  seat.last_used = now;
  seat.tokens.assign(tokens.begin(), tokens.begin() + shared);
  tree_.Remove(placement->seat);
  tree_.Insert(placement->seat, Tokens(key).first(shared + 1));
  return Seat{placement->seat, shared};
}

std::uint32_t KvCache::Bring(const Placement& placement, std::optional<std::uint32_t> host_name) {
  const std::uint32_t seat = placement.seat;
  if (placement.source == Placement::Source::kInPlace) {
    if (placement.shared + kLeastSaved <= seats_[seat].tokens.size()) Save(seat);
    return memory_.Keep(seat, placement.shared) ? placement.shared : 0;
  }
  Vacate(seat);
  switch (placement.source) {
    case Placement::Source::kSeat:
      if (memory_.unified())
        return memory_.Share(placement.from, seat, placement.shared) ? placement.shared : 0;
      if (!CopySeat(placement.from, seat)) return 0;
      break;
    case Placement::Source::kHost: {
      // Making room in the seat may have pushed it out.
      const HostCache::Entry* entry = host_.Use(*host_name);
      if (entry == nullptr) return 0;
      const auto began = time::SteadyNow();
      if (!memory_.Restore(seat, entry->state)) return 0;
      MeasureCopy(entry->state.size(), time::SteadyNow() - began);
      ++counts_.restores;
      break;
    }
    default:
      return 0;
  }
  return memory_.Keep(seat, placement.shared) ? placement.shared : 0;
}

bool KvCache::CopySeat(std::uint32_t from, std::uint32_t to) {
  const auto began = time::SteadyNow();
  const std::vector<std::uint8_t> state = memory_.Save(from);
  if (state.empty() || !memory_.Restore(to, state)) return false;
  MeasureCopy(2 * state.size(), time::SteadyNow() - began);
  MeasureSize(state.size(), seats_[from].tokens.size());
  return true;
}

void KvCache::Append(std::uint32_t seat, Tokens tokens) {
  Holding& holding = seats_[seat];
  holding.tokens.insert(holding.tokens.end(), tokens.begin(), tokens.end());
  if (tree_.Contains(seat)) tree_.Extend(seat, tokens);
}

void KvCache::Leave(std::uint32_t seat, time::SteadyTime now) {
  seats_[seat].busy = false;
  seats_[seat].last_used = now;
  // What nobody can share only takes room.
  if (!options_.share_prefixes || !memory_.can_share() || !tree_.Contains(seat)) Clear(seat);
}

void KvCache::Clear(std::uint32_t seat) {
  memory_.Remove(seat);
  tree_.Remove(seat);
  seats_[seat] = {};
}

void KvCache::Forget(std::uint32_t variant) {
  for (const auto& [name, shared] : tree_.Find(Key(variant, {}))) {
    if (name < seats_.size()) {
      DCHECK(!seats_[name].busy);
      Clear(name);
    } else {
      host_.Erase(name);
      tree_.Remove(name);
    }
  }
}

void KvCache::Vacate(std::uint32_t seat) {
  if (seats_[seat].tokens.empty()) return;
  DCHECK(!seats_[seat].busy);
  ++counts_.evictions;
  Save(seat);
  Clear(seat);
}

bool KvCache::KnownElsewhere(std::uint32_t seat, Tokens key) const {
  return std::ranges::any_of(tree_.Find(key), [&](const PrefixTree::Shared& other) {
    return other.name != seat && other.tokens + kLeastSaved > key.size();
  });
}

bool KvCache::WorthSaving(std::uint32_t seat) const {
  const auto tokens = static_cast<double>(seats_[seat].tokens.size());
  if (tokens < kLeastSaved) return false;
  const double copying = tokens * bytes_per_token_ / copy_bytes_per_second_;
  return seconds_per_token_ <= 0 || copying <= kLikelyUse * tokens * seconds_per_token_;
}

void KvCache::Save(std::uint32_t seat) {
  const Holding& holding = seats_[seat];
  if (options_.host_bytes == 0 || !WorthSaving(seat)) return;
  const std::vector<std::int32_t> key = Key(holding.variant, holding.tokens);
  if (KnownElsewhere(seat, key) || !host_.Fits(memory_.SavedSize(seat) + key.size() * 4)) return;
  // What it goes on from is of no more use.
  for (const auto& [name, shared] : tree_.Find(key)) {
    const HostCache::Entry* other = name < seats_.size() ? nullptr : host_.Find(name);
    if (other == nullptr || shared < other->tokens.size()) continue;
    host_.Erase(name);
    tree_.Remove(name);
  }
  const auto began = time::SteadyNow();
  std::vector<std::uint8_t> state = memory_.Save(seat);
  if (state.empty()) return;
  MeasureCopy(state.size(), time::SteadyNow() - began);
  MeasureSize(state.size(), holding.tokens.size());
  const std::uint32_t name = next_host_name_++;
  tree_.Insert(name, key);
  host_.Put({.name = name, .tokens = key, .state = std::move(state)});
  ++counts_.saves;
}

bool KvCache::EvictOne() {
  std::optional<std::uint32_t> oldest;
  for (std::uint32_t i = 0; i < seats_.size(); ++i) {
    if (seats_[i].busy || seats_[i].tokens.empty()) continue;
    if (!oldest || seats_[i].last_used < seats_[*oldest].last_used) oldest = i;
  }
  if (!oldest) return false;
  Vacate(*oldest);
  return true;
}

bool KvCache::Shift(std::uint32_t seat, std::uint32_t keep, std::uint32_t count) {
  if (!memory_.can_shift() || !memory_.Shift(seat, keep, count)) return false;
  auto& tokens = seats_[seat].tokens;
  const auto first = tokens.begin() + keep;
  tokens.erase(first, first + count);
  tree_.Remove(seat);
  return true;
}

std::optional<KvCache::Move> KvCache::Gap() const {
  if (memory_.unified()) return std::nullopt;
  const auto first = std::ranges::find(seats_, true, &Holding::busy);
  const auto free = std::find_if_not(first, seats_.end(), std::mem_fn(&Holding::busy));
  const auto last =
      std::find_if(seats_.rbegin(), std::make_reverse_iterator(free), std::mem_fn(&Holding::busy));
  if (last == std::make_reverse_iterator(free)) return std::nullopt;
  return Move{.from = static_cast<std::uint32_t>(seats_.rend() - last) - 1,
              .to = static_cast<std::uint32_t>(free - seats_.begin())};
}

std::optional<KvCache::Move> KvCache::CloseGap() {
  const std::optional<Move> move = Gap();
  if (!move) return std::nullopt;
  const auto [from, to] = *move;
  // What lies in the gap changes places with the answer.
  const Holding prefix = seats_[to];
  const auto kept = WorthSaving(to) ? memory_.Save(to) : std::vector<std::uint8_t>();
  Clear(to);
  const bool moves = seats_[from].tokens.empty() || CopySeat(from, to);
  if (moves) {
    const bool known = tree_.Contains(from);
    Holding moved = std::exchange(seats_[from], {});
    Clear(from);
    if (known) tree_.Insert(to, Key(moved.variant, moved.tokens));
    seats_[to] = std::move(moved);
  } else {
    Clear(to);
  }
  const std::uint32_t free = moves ? from : to;
  if (!kept.empty() && memory_.Restore(free, kept)) {
    tree_.Insert(free, Key(prefix.variant, prefix.tokens));
    seats_[free] = prefix;
  } else if (!prefix.tokens.empty()) {
    ++counts_.evictions;
  }
  return moves ? move : std::nullopt;
}

std::uint32_t KvCache::used_tokens() const {
  std::uint32_t used = 0;
  for (const Holding& seat : seats_) used += static_cast<std::uint32_t>(seat.tokens.size());
  return used;
}

std::uint32_t KvCache::running_tokens() const {
  std::uint32_t running = 0;
  for (const Holding& seat : seats_) {
    if (seat.busy) running += static_cast<std::uint32_t>(seat.tokens.size());
  }
  return running;
}

void KvCache::MeasureSize(std::uint64_t bytes, std::uint64_t tokens) {
  bytes_per_token_ = static_cast<double>(bytes) / static_cast<double>(tokens);
}

void KvCache::MeasureCopy(std::uint64_t bytes, time::Duration duration) {
  constexpr double kWeight = 0.3;  // of the new value
  const double seconds = std::chrono::duration<double>(duration).count();
  if (seconds <= 0) return;
  const double rate = static_cast<double>(bytes) / seconds;
  copy_bytes_per_second_ += kWeight * (rate - copy_bytes_per_second_);
}

}  // namespace chasqui::worker
