// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/decompress.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <grpc/slice.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/slice.h>
#include <zlib.h>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"

namespace chasqui::rpc {
namespace {

constexpr std::size_t kFirstPieceBytes = 16 << 10;
constexpr std::size_t kMostPieceBytes = 1 << 20;

// The buffer behind a ByteBuffer: what gRPC shows to those who derive from its reader.
class Look : public grpc::ProtoBufferReader {
 public:
  explicit Look(grpc::ByteBuffer& message) : grpc::ProtoBufferReader(&message) {}

  grpc_compression_algorithm algorithm() {
    if (!status().ok()) return GRPC_COMPRESS_NONE;
    const grpc_byte_buffer& buffer = *reader()->buffer_in;
    return buffer.type == GRPC_BB_RAW ? buffer.data.raw.compression : GRPC_COMPRESS_NONE;
  }
};

// zlib's state, ended with its scope.
class Inflation {
 public:
  explicit Inflation(bool gzip) {
    constexpr int kGzip = 16;
    ready_ = inflateInit2(&stream_, MAX_WBITS + (gzip ? kGzip : 0)) == Z_OK;
  }
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;
  ~Inflation() {
    if (ready_) inflateEnd(&stream_);
  }

  bool ready() const { return ready_; }
  bool ended() const { return ended_; }

  void Give(const void* data, int size) {
    stream_.next_in = static_cast<Bytef*>(const_cast<void*>(data));  // read only
    stream_.avail_in = static_cast<uInt>(size);
  }
  bool wants_more() const { return stream_.avail_in == 0; }

  // Fills `piece` as far as it goes; how many bytes, or an error.
  absl::StatusOr<std::size_t> Fill(grpc::Slice& piece) {
    stream_.next_out = const_cast<Bytef*>(piece.begin());
    stream_.avail_out = static_cast<uInt>(piece.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    ended_ = result == Z_STREAM_END;
    // Z_BUF_ERROR: nothing to read or no room, which the caller sees by itself.
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return absl::InternalError("the message is not compressed as it claims to be");
    }
    return piece.size() - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool ended_ = false;
};

// Adds to `pieces` what the input given last holds.
absl::Status Drain(Inflation& inflation, std::size_t max_bytes, std::size_t& total,
                   std::vector<grpc::Slice>& pieces) {
  for (bool full = true; full && !inflation.ended();) {
    // What has come says best how much is still to come.
    const std::size_t size = std::clamp(total, kFirstPieceBytes, kMostPieceBytes);
    grpc::Slice piece(grpc_slice_malloc(size), grpc::Slice::STEAL_REF);
    ABSL_ASSIGN_OR_RETURN(const std::size_t filled, inflation.Fill(piece));
    total += filled;
    if (max_bytes != 0 && total > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the message is larger than ", max_bytes, " bytes when decompressed"));
    }
    full = filled == size;
    if (filled > 0) pieces.push_back(full ? std::move(piece) : piece.sub(0, filled));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsCompressed(grpc::ByteBuffer& message) {
  return message.Valid() && Look(message).algorithm() != GRPC_COMPRESS_NONE;
}

absl::StatusOr<grpc::ByteBuffer> Decompress(grpc::ByteBuffer& message, std::size_t max_bytes) {
  Look reader(message);
  const grpc_compression_algorithm algorithm = reader.algorithm();
  Inflation inflation(algorithm == GRPC_COMPRESS_GZIP);
  if (!inflation.ready()) return absl::ResourceExhaustedError("no memory to decompress a message");
  std::vector<grpc::Slice> pieces;
  std::size_t total = 0;
  const void* data = nullptr;
  int size = 0;
  while (!inflation.ended() && reader.Next(&data, &size)) {
    inflation.Give(data, size);
    ABSL_RETURN_IF_ERROR(Drain(inflation, max_bytes, total, pieces));
  }
  if (!inflation.ended()) return absl::InternalError("the compressed message ends early");
  // One empty slice: a buffer without any is no message to gRPC.
  if (pieces.empty()) pieces.emplace_back();
  return grpc::ByteBuffer(pieces.data(), pieces.size());
}

}  // namespace chasqui::rpc
