// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/stream_store.h"

#include <chrono>
#include <optional>

#include "common/status/status.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

// A reader lets go as soon as its loop gets to it.
constexpr time::Duration kHandoverTimeout = 5s;
// Of a stream beside its log and its request.
constexpr std::size_t kOverheadBytes = 512;

std::size_t BytesOf(const BegunStream& stream) {
  return kOverheadBytes + stream.log.bytes() + stream.request.Length();
}

absl::Status Busy() {
  return status::Unavailable("STREAM_BUSY", "the stream is being read by another call", 1s);
}

}  // namespace

// Who reads a stream. Confined to the loop but for the pointer to it.
struct StreamStore::Reading::Reader {
  rpc::Loop& loop;
  rpc::ServerCall* call;  // null once it let go
};

StreamStore::Reading::~Reading() {
  if (store_ == nullptr) return;
  reader_->call = nullptr;
  store_->Leave(std::move(stream_), *reader_);
}

StreamStore::Reading StreamStore::Open(rpc::ServerCall& call, std::shared_ptr<BegunStream> stream) {
  auto reader = std::make_shared<Reading::Reader>(call.loop(), &call);
  if (options_.window > time::Duration::zero()) {
    absl::MutexLock lock(mutex_);
    const Name name = NameOf(*stream);
    Drop(name);
    entries_[name] = {.stream = stream, .reader = reader};
  }
  return Reading(*this, std::move(stream), std::move(reader));
}

void StreamStore::Leave(std::shared_ptr<BegunStream> stream, const Reading::Reader& reader) {
  std::optional<Claimant> claimant;
  {
    absl::MutexLock lock(mutex_);
    const auto it = entries_.find(NameOf(*stream));
    if (it == entries_.end() || it->second.reader.get() != &reader) return;
    claimant = std::move(it->second.claimant);
    if (!claimant.has_value()) return Keep(std::move(stream), it->second);
    entries_.erase(it);
  }
  claimant->loop->Post([this, handover = claimant->handover, stream = std::move(stream)] {
    if (handover->Set(stream)) return;
    // Who wanted it is gone, too.
    absl::MutexLock lock(mutex_);
    const auto [it, added] = entries_.try_emplace(NameOf(*stream));
    if (added) Keep(stream, it->second);
  });
}

void StreamStore::Keep(std::shared_ptr<BegunStream> stream, Entry& entry) {
  const Name name = NameOf(*stream);
  if (!stream->log.begun()) {
    entries_.erase(name);
    return;
  }
  const time::SteadyTime now = clock_.SteadyNow();
  entry.bytes = BytesOf(*stream);
  entry.stream = std::move(stream);
  entry.reader = nullptr;
  entry.left = now;
  entry.place = left_.insert(left_.end(), name);
  bytes_ += entry.bytes;
  MakeRoom(now);
}

absl::StatusOr<StreamStore::Found> StreamStore::Find(const Name& name, Claimant claimant) {
  absl::MutexLock lock(mutex_);
  MakeRoom(clock_.SteadyNow());
  const auto it = entries_.find(name);
  if (it == entries_.end()) {
    return status::NotFound("stream", name.second, "no such stream is kept");
  }
  Entry& entry = it->second;
  if (entry.reader == nullptr) {
    Found found{.stream = std::move(entry.stream), .reader = nullptr};
    Drop(name);
    return found;
  }
  if (entry.claimant.has_value()) return Busy();
  entry.claimant = std::move(claimant);
  return Found{.stream = nullptr, .reader = entry.reader};
}

rpc::Task<absl::StatusOr<StreamStore::Reading>> StreamStore::Claim(rpc::ServerCall& call,
                                                                   std::string tenant,
                                                                   std::string request_id) {
  const auto handover = std::make_shared<Handover>();
  absl::StatusOr<Found> found = Find({std::move(tenant), std::move(request_id)},
                                     {.loop = &call.loop(), .handover = handover});
  if (!found.ok()) co_return std::move(found).status();
  if (found->stream != nullptr) co_return Open(call, std::move(found->stream));
  Reading::Reader& former = *found->reader;
  former.loop.Post([reader = std::move(found->reader)] {
    if (reader->call == nullptr) return;
    reader->call->Abort(status::Error(absl::StatusCode::kAborted, "TAKEN_UP_ELSEWHERE",
                                      "another call has taken the stream up"));
  });
  const auto on_timeout =
      call.loop().After(kHandoverTimeout, [&handover = *handover] { handover.Set(nullptr); });
  const auto on_cancel = call.OnCancel([&handover = *handover] { handover.Set(nullptr); });
  std::shared_ptr<BegunStream> stream = co_await *handover;
  if (stream == nullptr) co_return Busy();
  co_return Open(call, std::move(stream));
}

void StreamStore::Expire() {
  absl::MutexLock lock(mutex_);
  MakeRoom(clock_.SteadyNow());
}

std::size_t StreamStore::bytes() const {
  absl::MutexLock lock(mutex_);
  return bytes_;
}

void StreamStore::Drop(const Name& name) {
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  if (it->second.reader == nullptr) {
    bytes_ -= it->second.bytes;
    left_.erase(it->second.place);
  }
  entries_.erase(it);
}

void StreamStore::MakeRoom(time::SteadyTime now) {
  while (!left_.empty()) {
    const Entry& oldest = entries_.at(left_.front());
    if (bytes_ <= options_.max_bytes && now - oldest.left <= options_.window) return;
    Drop(Name(left_.front()));
  }
}

}  // namespace chasqui::router
