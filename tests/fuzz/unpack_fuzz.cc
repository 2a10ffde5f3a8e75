// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <xxhash.h>

#include "absl/log/check.h"
#include "services/cache/answer/packing.h"

namespace chasqui::cache {
namespace {

constexpr std::size_t kMaxBytes = 1 << 20;

AnswerKey AnyKey() { return AnswerKey::Parse(std::string(AnswerKey::kBytes, 'k')).value(); }

void ExpectWholeOrDamaged(std::string_view bytes, const AnswerKey& key) {
  const absl::StatusOr<AnswerPtr> answer = Unpack(bytes, key, kMaxBytes);
  if (!answer.ok()) {
    CHECK(absl::IsDataLoss(answer.status())) << answer.status();
    return;
  }
  CHECK((*answer)->key() == key.bytes());
  const absl::StatusOr<AnswerPtr> again = Unpack(Pack(**answer, {}), key, kMaxBytes);
  CHECK_OK(again);
  CHECK((*again)->SerializeAsString() == (*answer)->SerializeAsString());
}

}  // namespace
}  // namespace chasqui::cache

// What stands in Redis or on disk, as it is, and with the checksum that no chance would make right:
// what is behind the checksum must hold by itself.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chasqui::cache;  // NOLINT(google-build-using-namespace)
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const AnswerKey key = AnyKey();
  ExpectWholeOrDamaged(bytes, key);
  v1::Envelope envelope;
  if (!envelope.ParseFromArray(data, static_cast<int>(size))) return 0;
  envelope.set_checksum(XXH3_64bits(envelope.payload().data(), envelope.payload().size()));
  ExpectWholeOrDamaged(envelope.SerializeAsString(), key);
  return 0;
}
