// SPDX-License-Identifier: Apache-2.0
#include "services/cache/generation/generations.h"

#include <algorithm>

#include <xxhash.h>

#include "absl/strings/str_cat.h"

namespace chasqui::cache {

std::string EverythingName() { return "everything"; }
std::string ModelName(std::string_view model) { return absl::StrCat("model:", model); }
std::string TagName(std::string_view tag) { return absl::StrCat("tag:", tag); }
std::string KeyName(const AnswerKey& key) { return absl::StrCat("key:", key.Hex()); }

Generations::Generations(std::size_t max_names, Draw draw)
    : max_names_(max_names), draw_(std::move(draw)) {}

std::uint64_t Generations::Stamp(const AnswerKey& key, std::string_view model,
                                 std::span<const std::string> tags) const {
  std::vector<std::uint64_t> values;
  values.reserve(3 + tags.size());
  absl::MutexLock lock(mutex_);
  const auto add = [&](const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto it = generations_.find(name);
    values.push_back(it == generations_.end() ? 0 : it->second.value);
  };
  // Most services never invalidate anything.
  if (!generations_.empty()) {
    add(EverythingName());
    add(ModelName(model));
    add(KeyName(key));
    for (const std::string& tag : tags) add(TagName(tag));
  }
  if (std::ranges::all_of(values, [](std::uint64_t value) { return value == 0; })) return 0;
  return XXH3_64bits(values.data(), values.size() * sizeof(std::uint64_t));
}

std::uint64_t Generations::StampOf(const StoredAnswer& answer) const {
  const std::vector<std::string> tags(answer.tags().begin(), answer.tags().end());
  return Stamp(KeyOf(answer), answer.model(), tags);
}

Generations::Change Generations::Invalidate(std::span<const std::string> names) {
  absl::MutexLock lock(mutex_);
  Change change;
  for (const std::string& name : names) {
    if (!generations_.contains(name) && generations_.size() >= max_names_) return StartAnew();
    const Generation generation{.value = draw_(), .unshared = true};
    generations_[name] = generation;
    change.entries.emplace_back(name, generation);
  }
  return change;
}

Generations::Change Generations::ForgetAll() {
  absl::MutexLock lock(mutex_);
  return StartAnew();
}

Generations::Change Generations::StartAnew() {
  generations_ = {};  // which gives the memory of many names back
  const Generation generation{.value = draw_(), .unshared = true};
  generations_[EverythingName()] = generation;
  return {.entries = {{EverythingName(), generation}}, .all_others_forgotten = true};
}

Generations::Change Generations::Merge(std::span<const Entry> entries, bool others_forgotten) {
  absl::MutexLock lock(mutex_);
  Change change{.entries = {}, .all_others_forgotten = others_forgotten};
  if (others_forgotten) {
    // Who says this has not heard of what is unshared: that must not be lost.
    absl::erase_if(generations_, [](const auto& entry) {
      return !entry.second.unshared && entry.first != EverythingName();
    });
  }
  for (const auto& [name, theirs] : entries) {
    const auto it = generations_.find(name);
    if (it == generations_.end()) {
      if (generations_.size() >= max_names_) return StartAnew();
      generations_[name] = theirs;
      change.entries.emplace_back(name, theirs);
      continue;
    }
    Generation& ours = it->second;
    if (ours.value == theirs.value) {
      ours.unshared = ours.unshared && theirs.unshared;
      continue;
    }
    // Both were invalidated and neither heard the other: which answers either means nobody can
    // tell.
    if (ours.unshared && name == EverythingName()) return StartAnew();
    ours = ours.unshared ? Generation{.value = draw_(), .unshared = true} : theirs;
    change.entries.emplace_back(name, ours);
  }
  if (others_forgotten) change.entries.assign(generations_.begin(), generations_.end());
  return change;
}

void Generations::MarkShared(std::span<const Entry> entries) {
  absl::MutexLock lock(mutex_);
  for (const auto& [name, shared] : entries) {
    const auto it = generations_.find(name);
    if (it != generations_.end() && it->second.value == shared.value) it->second.unshared = false;
  }
}

void Generations::MarkAllUnshared() {
  absl::MutexLock lock(mutex_);
  for (auto& [name, generation] : generations_) generation.unshared = true;
}

std::vector<Generations::Entry> Generations::Find(std::span<const std::string> names) const {
  std::vector<Entry> found;
  absl::MutexLock lock(mutex_);
  const auto everything = generations_.find(EverythingName());
  bool forgotten = everything != generations_.end() && everything->second.unshared;
  for (const std::string& name : names) {
    const auto it = generations_.find(name);
    if (it != generations_.end() && it != everything) found.emplace_back(*it);
    forgotten |= it == generations_.end() || it == everything;
  }
  if (forgotten && everything != generations_.end()) found.emplace_back(*everything);
  return found;
}

std::vector<std::string> Generations::UnsharedNames() const {
  std::vector<std::string> names;
  absl::MutexLock lock(mutex_);
  for (const auto& [name, generation] : generations_) {
    if (generation.unshared) names.push_back(name);
  }
  return names;
}

std::vector<Generations::Entry> Generations::All() const {
  absl::MutexLock lock(mutex_);
  return {generations_.begin(), generations_.end()};
}

std::size_t Generations::size() const {
  absl::MutexLock lock(mutex_);
  return generations_.size();
}

}  // namespace chasqui::cache
