// SPDX-License-Identifier: Apache-2.0
#include "services/cache/answer/packing.h"

#include <memory>
#include <utility>

#include <xxhash.h>
#include <zstd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace chasqui::cache {
namespace {

using v1::Envelope;

// Empty when zstd does not make it smaller.
std::string PackedByZstd(const std::string& plain, int level) {
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  const std::size_t size =
      ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), level);
  if (ZSTD_isError(size) || size >= plain.size()) return {};
  packed.resize(size);
  return packed;
}

absl::Status Damaged(std::string_view what) { return absl::DataLossError(what); }

absl::StatusOr<std::string> Unpacked(const Envelope& envelope, std::size_t max_bytes) {
  const std::string& payload = envelope.payload();
  if (envelope.unpacked_bytes() > max_bytes) {
    return Damaged(absl::StrCat("an answer of ", envelope.unpacked_bytes(), " bytes"));
  }
  switch (envelope.packing()) {
    case Envelope::PACKING_PLAIN:
      return payload;
    case Envelope::PACKING_ZSTD: {
      std::string plain(envelope.unpacked_bytes(), '\0');
      const std::size_t size =
          ZSTD_decompress(plain.data(), plain.size(), payload.data(), payload.size());
      if (ZSTD_isError(size)) return Damaged(ZSTD_getErrorName(size));
      plain.resize(size);
      return plain;
    }
    default:
      return Damaged("packed in an unknown way");
  }
}

}  // namespace

std::string Pack(const StoredAnswer& answer, const PackingOptions& options) {
  Envelope envelope;
  std::string plain = answer.SerializeAsString();
  envelope.set_unpacked_bytes(plain.size());
  std::string packed;
  if (plain.size() >= options.min_bytes) packed = PackedByZstd(plain, options.level);
  envelope.set_packing(packed.empty() ? Envelope::PACKING_PLAIN : Envelope::PACKING_ZSTD);
  envelope.set_payload(packed.empty() ? std::move(plain) : std::move(packed));
  envelope.set_checksum(XXH3_64bits(envelope.payload().data(), envelope.payload().size()));
  return envelope.SerializeAsString();
}

absl::StatusOr<AnswerPtr> Unpack(std::string_view bytes, const AnswerKey& key,
                                 std::size_t max_bytes) {
  Envelope envelope;
  if (!envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Damaged("not an envelope");
  }
  if (XXH3_64bits(envelope.payload().data(), envelope.payload().size()) != envelope.checksum()) {
    return Damaged("its checksum is wrong");
  }
  absl::StatusOr<std::string> plain = Unpacked(envelope, max_bytes);
  if (!plain.ok()) return std::move(plain).status();
  if (plain->size() != envelope.unpacked_bytes()) return Damaged("its size is wrong");
  auto answer = std::make_shared<StoredAnswer>();
  if (!answer->ParseFromString(*plain)) return Damaged("not an answer");
  if (answer->key() != key.bytes()) return Damaged("the answer to another request");
  return answer;
}

}  // namespace chasqui::cache
