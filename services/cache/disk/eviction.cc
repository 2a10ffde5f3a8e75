// SPDX-License-Identifier: Apache-2.0
#include "services/cache/disk/eviction.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace chasqui::cache {
namespace {

constexpr double kSecond = 1e6;

}  // namespace

double Worth(const v1::DiskRecord& record, std::int64_t now_us) {
  if (record.expires_us() <= now_us) return -1;
  // Not subtracted as integers, which a damaged record could make overflow.
  const double idle =
      std::max(static_cast<double>(now_us) - static_cast<double>(record.used_us()), 0.0);
  const double cost = static_cast<double>(std::max<std::int64_t>(record.cost_us(), 1));
  const double size = static_cast<double>(std::max<std::uint64_t>(record.size_bytes(), 1));
  return (record.hits() + 1.0) * cost / size / (idle + kSecond);
}

std::vector<std::size_t> LeastWorth(std::span<const v1::DiskRecord> sample, std::size_t count,
                                    std::int64_t now_us) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < sample.size(); ++i) order.emplace_back(Worth(sample[i], now_us), i);
  std::ranges::sort(order);
  std::vector<std::size_t> first;
  for (const auto& [worth, i] : order | std::views::take(count)) first.push_back(i);
  return first;
}

}  // namespace chasqui::cache
