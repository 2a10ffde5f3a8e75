// SPDX-License-Identifier: Apache-2.0
#include "services/cache/answer/packing.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "chasqui/cache/v1/stored_answer.pb.h"

namespace chasqui::cache {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;

constexpr std::size_t kMaxBytes = 1 << 20;

StoredAnswer Answer(std::size_t text_bytes) {
  StoredAnswer answer;
  answer.set_key(std::string(AnswerKey::kBytes, 'k'));
  answer.set_model("tiny");
  answer.set_stamp(7);
  answer.add_events(std::string(text_bytes, 'x'));
  answer.add_events("end");
  return answer;
}

v1::Envelope EnvelopeOf(const std::string& packed) {
  v1::Envelope envelope;
  EXPECT_TRUE(envelope.ParseFromString(packed));
  return envelope;
}

TEST(Packing, GivesBackWhatWasPacked) {
  for (const std::size_t bytes : {0, 1, 2047, 100'000}) {
    const StoredAnswer answer = Answer(bytes);

    const absl::StatusOr<AnswerPtr> back = Unpack(Pack(answer, {}), KeyOf(answer), kMaxBytes);

    ASSERT_THAT(back, IsOk()) << bytes;
    EXPECT_EQ((*back)->SerializeAsString(), answer.SerializeAsString());
  }
}

TEST(Packing, PacksFromASizeOn) {
  EXPECT_EQ(EnvelopeOf(Pack(Answer(100), {.min_bytes = 1000})).packing(),
            v1::Envelope::PACKING_PLAIN);
  EXPECT_EQ(EnvelopeOf(Pack(Answer(10'000), {.min_bytes = 1000})).packing(),
            v1::Envelope::PACKING_ZSTD);
  EXPECT_LT(Pack(Answer(10'000), {.min_bytes = 1000}).size(), 1000);
}

TEST(Packing, LeavesPlainWhatZstdDoesNotMakeSmaller) {
  StoredAnswer answer;
  answer.set_key("0123456789abcdefghijklmnopqrstuv");

  EXPECT_EQ(EnvelopeOf(Pack(answer, {.min_bytes = 0})).packing(), v1::Envelope::PACKING_PLAIN);
}

TEST(Packing, EveryDamagedByteIsFound) {
  for (const std::size_t bytes : {50, 5000}) {
    const StoredAnswer answer = Answer(bytes);
    const std::string packed = Pack(answer, {});
    for (std::size_t i = 0; i < packed.size(); ++i) {
      std::string damaged = packed;
      damaged[i] = static_cast<char>(damaged[i] ^ 0x10);

      const absl::StatusOr<AnswerPtr> back = Unpack(damaged, KeyOf(answer), kMaxBytes);

      // Bits that mean nothing to protobuf may change; what is given back never does.
      if (back.ok()) {
        EXPECT_EQ((*back)->SerializeAsString(), answer.SerializeAsString()) << i;
      }
    }
  }
}

TEST(Packing, WhatIsCutOffIsDamaged) {
  const StoredAnswer answer = Answer(3000);
  const std::string packed = Pack(answer, {});
  for (std::size_t size = 0; size < packed.size(); ++size) {
    EXPECT_THAT(Unpack(packed.substr(0, size), KeyOf(answer), kMaxBytes),
                StatusIs(absl::StatusCode::kDataLoss))
        << size;
  }
}

TEST(Packing, RefusesTheAnswerOfAnotherKey) {
  const std::optional<AnswerKey> other = AnswerKey::Parse(std::string(AnswerKey::kBytes, 'o'));

  EXPECT_THAT(Unpack(Pack(Answer(10), {}), *other, kMaxBytes),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(Packing, NeverUnpacksMoreThanTheLimit) {
  const StoredAnswer answer = Answer(100'000);

  EXPECT_THAT(Unpack(Pack(answer, {}), KeyOf(answer), 99'999),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(AnswerKey, IsOf32Bytes) {
  EXPECT_FALSE(AnswerKey::Parse("short").has_value());
  EXPECT_FALSE(AnswerKey::Parse(std::string(33, 'k')).has_value());
  EXPECT_EQ(AnswerKey::Parse(std::string(32, '\x11'))->Hex(), std::string(64, '1'));
}

}  // namespace
}  // namespace chasqui::cache
