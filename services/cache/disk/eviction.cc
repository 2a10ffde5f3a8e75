// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/eviction.h"

#include <algorithm>

namespace chasqui::cache {
namespace {

constexpr double kSecond = 1e6;

}  // namespace

double Worth(const v1::DiskRecord& record, std::int64_t now_us) {
  if (record.expires_us() <= now_us) return -1;
  const double idle = static_cast<double>(std::max<std::int64_t>(now_us - record.used_us(), 0));
  const double cost = static_cast<double>(std::max<std::int64_t>(record.cost_us(), 1));
  const double size = static_cast<double>(std::max<std::uint64_t>(record.size_bytes(), 1));
  return (record.hits() + 1.0) * cost / size / (idle + kSecond);
}

std::size_t LeastWorth(std::span<const v1::DiskRecord> sample, std::int64_t now_us) {
  const auto least = std::ranges::min_element(
      sample, {}, [&](const v1::DiskRecord& record) { return Worth(record, now_us); });
  return static_cast<std::size_t>(least - sample.begin());
}

}  // namespace chasqui::cache
