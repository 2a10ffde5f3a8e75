// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/loop.h"
#include "common/rpc/one_shot.h"
#include "common/rpc/server_call.h"
#include "common/time/clock.h"
#include "services/router/request/begun_stream.h"

namespace chasqui::router {

// The streams that can be taken up again, by their tenant and request id: those that a client
// reads, and for a while those it has left, read to the end or not. Nothing is computed for a
// stream that nobody reads: it goes on when somebody comes for it. Bounded in bytes and time; of
// the streams left, the ones left the longest ago make room. Owned by the RouterServer.
// Thread-safe.
class StreamStore {
 public:
  struct Options {
    // How long a stream is kept after its reader left; zero: not at all.
    time::Duration window;
    // Bytes of all streams without a reader.
    std::size_t max_bytes;
  };

  StreamStore(const Options& options, const time::Clock& clock)
      : options_(options), clock_(clock) {}
  StreamStore(const StreamStore&) = delete;
  StreamStore& operator=(const StreamStore&) = delete;

  // A stream that a call serves; at its end the stream is left, or handed to who waits for it.
  class [[nodiscard]] Reading {
   public:
    Reading(Reading&& other) noexcept
        : store_(std::exchange(other.store_, nullptr)),
          stream_(std::move(other.stream_)),
          reader_(std::move(other.reader_)) {}
    Reading& operator=(Reading&&) = delete;
    ~Reading();

    BegunStream& stream() const { return *stream_; }

   private:
    friend class StreamStore;
    struct Reader;
    Reading(StreamStore& store, std::shared_ptr<BegunStream> stream, std::shared_ptr<Reader> reader)
        : store_(&store), stream_(std::move(stream)), reader_(std::move(reader)) {}

    StreamStore* store_;
    std::shared_ptr<BegunStream> stream_;
    std::shared_ptr<Reader> reader_;
  };

  // `call`, which outlives the Reading, reads the stream from now on. A stream of the same name
  // that was there before cannot be taken up any more.
  Reading Open(rpc::ServerCall& call, std::shared_ptr<BegunStream> stream);

  // The stream of this name for `call` to go on reading; who reads it now is ended with ABORTED.
  // NOT_FOUND when there is none, UNAVAILABLE when its reader does not let go of it.
  rpc::Task<absl::StatusOr<Reading>> Claim(rpc::ServerCall& call, std::string tenant,
                                           std::string request_id);

  // Forgets what is too old; to be called now and then.
  void Expire();

  // Bytes of streams without a reader.
  std::size_t bytes() const;

 private:
  using Name = std::pair<std::string, std::string>;  // tenant, request id
  using Handover = rpc::OneShot<std::shared_ptr<BegunStream>>;
  struct Claimant {
    rpc::Loop* loop;
    std::shared_ptr<Handover> handover;
  };
  struct Entry {
    std::shared_ptr<BegunStream> stream;
    std::shared_ptr<Reading::Reader> reader;  // null: it was left
    std::optional<Claimant> claimant;         // while there is a reader
    time::SteadyTime left;
    std::size_t bytes = 0;
    std::list<Name>::iterator place;  // in left_, when it was left
  };
  // The stream, or who is to let go of it.
  struct Found {
    std::shared_ptr<BegunStream> stream;
    std::shared_ptr<Reading::Reader> reader;
  };
  using Entries = absl::flat_hash_map<Name, Entry>;

  static Name NameOf(const BegunStream& stream) { return {stream.tenant, stream.request_id}; }
  void Leave(std::shared_ptr<BegunStream> stream, const Reading::Reader& reader);
  void Keep(std::shared_ptr<BegunStream> stream, Entry& entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Found> Find(const Name& name, Claimant claimant);
  void Drop(const Name& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeRoom(time::SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const time::Clock& clock_;
  mutable absl::Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  std::list<Name> left_ ABSL_GUARDED_BY(mutex_);  // left the longest ago first
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace chasqui::router
