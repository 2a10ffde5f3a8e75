// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "services/cache/answer/answer.h"

namespace chasqui::cache {

// The names under which an answer can be invalidated, as they stand in the table of generations.
std::string EverythingName();
std::string ModelName(std::string_view model);
std::string TagName(std::string_view tag);
std::string KeyName(const AnswerKey& key);

// A name's generation: a number that no other invalidation of it, here or in a replica, has ever
// had. 0: it was never invalidated.
struct Generation {
  std::uint64_t value = 0;
  // Whether replicas may not know it yet.
  bool unshared = false;

  bool operator==(const Generation&) const = default;
};

// What has been invalidated: one generation for each name. An answer is stamped with a digest of
// the generations of its names when it is begun, and is valid for as long as that digest is what
// they have; so invalidating costs one number, however many answers it concerns, and an answer that
// was begun before is not valid after, however late it is stored. Memcached's namespaces work like
// this.
//
// The numbers are unique instead of counted, so that replicas that could not hear each other do not
// give one number to two invalidations. Owned by the CacheServer. Thread-safe.
class Generations {
 public:
  using Entry = std::pair<std::string, Generation>;
  // Draws a number that was never drawn before, here or elsewhere; not 0.
  using Draw = absl::AnyInvocable<std::uint64_t() const>;

  // Holds at most `max_names`; when there would be more, everything becomes invalid and all names
  // but that of everything are forgotten.
  Generations(std::size_t max_names, Draw draw);

  // What answers with these names are stamped with now.
  std::uint64_t Stamp(const AnswerKey& key, std::string_view model,
                      std::span<const std::string> tags) const;
  std::uint64_t StampOf(const StoredAnswer& answer) const;
  bool IsValid(const StoredAnswer& answer) const { return answer.stamp() == StampOf(answer); }

  // Gives the names new generations; from when it returns on, no answer that was begun before is
  // valid. Tells what is to be written down and told to replicas: the names, or when they have
  // become too many EverythingName() and that all others are forgotten.
  struct Change {
    std::vector<Entry> entries;
    bool all_others_forgotten = false;
  };
  Change Invalidate(std::span<const std::string> names);

  // Makes everything invalid and forgets all names but that of everything.
  Change ForgetAll();

  // What a replica, or what was written down, says. A name that has a generation here that is not
  // shared gets a new one, which concerns both; it is told, and what else has changed. When that
  // name is everything's, all is forgotten. `others_forgotten`: who says it has forgotten all
  // others; those that are shared are forgotten here, too, and the change names what is left.
  Change Merge(std::span<const Entry> entries, bool others_forgotten = false);

  // That replicas know these generations, unless they have changed since.
  void MarkShared(std::span<const Entry> entries);

  // That it cannot be told any more what replicas know.
  void MarkAllUnshared();

  // What these names have now. One that has none may have been forgotten, and one that has may have
  // been forgotten and learned again as others have it: everything stands for them, and is told as
  // long as it is unshared.
  std::vector<Entry> Find(std::span<const std::string> names) const;

  // The names that replicas may not know.
  std::vector<std::string> UnsharedNames() const;

  // Everything, for replicas and for what is written down.
  std::vector<Entry> All() const;
  std::size_t size() const;

 private:
  Change StartAnew() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::size_t max_names_;
  const Draw draw_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Generation> generations_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chasqui::cache
