// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/log/check.h"
#include "services/cache/disk/disk_format.h"
#include "services/cache/disk/eviction.h"

// What stands in RocksDB, damaged as it may be: it is read as nothing, or as something that reads
// the same when it is written again, and that eviction can weigh.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chasqui::cache;  // NOLINT(google-build-using-namespace)
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto value = DecodeValue(bytes)) {
    CHECK(EncodeValue(value->expires_us, value->envelope) == bytes);
  } else {
    CHECK_LT(size, 8U);
  }
  if (const auto record = DecodeRecord(bytes)) {
    for (const std::int64_t now : {std::int64_t{0}, std::int64_t{1'700'000'000'000'000},
                                   std::numeric_limits<std::int64_t>::max()}) {
      CHECK(!std::isnan(Worth(*record, now)));
      CHECK_EQ(LeastWorth(std::vector{*record, v1::DiskRecord()}, 2, now).size(), 2U);
    }
  }
  if (const auto generation = DecodeGeneration(bytes)) {
    CHECK_NE(generation->value, 0U);
    CHECK(DecodeGeneration(EncodeGeneration(*generation)) == generation);
  }
  return 0;
}
