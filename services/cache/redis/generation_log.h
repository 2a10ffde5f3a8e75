// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "chasqui/cache/v1/stored_answer.pb.h"
#include "common/redis/reply.h"
#include "services/cache/generation/generations.h"

// The generations in Redis: a log of changes of which a hash keeps what each name has now, and at
// which position of the log it got that. A replica that writes says up to where it has read; when a
// name or everything has changed since, nothing is written, so that no replica ever replaces, or
// brings back, what it has not heard of. The log has an epoch, drawn when it is begun, by which
// replicas find out that Redis has lost it. All functions are pure.
namespace chasqui::cache {

// Where a replica stands.
struct LogPosition {
  std::string epoch;
  std::uint64_t position = 0;  // of the last change that was heard

  bool operator==(const LogPosition&) const = default;
};

// Where the log is and where it is told.
struct LogNames {
  std::string hash;
  std::string notices;  // the channel
};

// The words that ask where the log ends; they begin one of `new_epoch`, 16 hexadecimal digits, when
// there is none.
std::vector<std::string> LookCommand(const LogNames& names, std::string_view new_epoch);

struct LookAnswer {
  LogPosition end;
  std::uint32_t listeners = 0;  // replicas that hear the channel
};
absl::StatusOr<LookAnswer> ReadLookAnswer(const redis::ReplyOr& reply);

// The words that ask for a page of what names have; "0" is the first.
std::vector<std::string> PageCommand(const LogNames& names, std::string_view cursor);

struct Page {
  std::string next;  // "0": that was the last
  std::vector<Generations::Entry> entries;
};
absl::StatusOr<Page> ReadPage(const redis::ReplyOr& reply);

// The words that write a change, and tell it to who hears the channel.
std::vector<std::string> WriteCommand(const LogNames& names, const LogPosition& heard,
                                      const v1::GenerationNotice& notice);

struct WriteAnswer {
  enum class Outcome : std::uint8_t {
    kWritten,
    // Something was written that the writer has not heard of: it hears it before this.
    kOvertaken,
    // The log is another, or gone.
    kLost,
  };
  Outcome outcome = Outcome::kLost;
  std::uint32_t listeners = 0;  // that were told, the writer included
};
absl::StatusOr<WriteAnswer> ReadWriteAnswer(const redis::ReplyOr& reply);

// What the channel says: a notice and where it stands in the log.
struct Heard {
  LogPosition at;
  v1::GenerationNotice notice;
};
// INVALID_ARGUMENT when it has not its form.
absl::StatusOr<Heard> ReadNotice(std::string_view message);

// A notice's changes, as they are merged, and the other way about. `unshared`: it cannot be told
// whether all replicas have them.
std::vector<Generations::Entry> EntriesOf(const v1::GenerationNotice& notice, bool unshared);
void SetEntries(std::span<const Generations::Entry> entries, v1::GenerationNotice& notice);

}  // namespace chasqui::cache
