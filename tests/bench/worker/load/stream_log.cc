// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/stream_log.h"

#include <algorithm>
#include <chrono>

namespace chasqui::bench {

uint64_t StreamLog::tokens() const {
  uint64_t sum = 0;
  for (const Arrival& arrival : arrivals_) sum += arrival.tokens;
  return sum;
}

std::optional<double> RateWhileAllGenerate(std::span<const StreamLog> streams) {
  time::SteadyTime begin = time::SteadyTime::min();
  time::SteadyTime end = time::SteadyTime::max();
  for (const StreamLog& stream : streams) {
    if (stream.arrivals().empty()) return std::nullopt;
    begin = std::max(begin, stream.arrivals().front().when);
    end = std::min(end, stream.arrivals().back().when);
  }
  if (end <= begin) return std::nullopt;
  uint64_t tokens = 0;
  for (const StreamLog& stream : streams) {
    for (const StreamLog::Arrival& arrival : stream.arrivals()) {
      // What arrives at the beginning was made before it.
      if (arrival.when > begin && arrival.when <= end) tokens += arrival.tokens;
    }
  }
  return static_cast<double>(tokens) / std::chrono::duration<double>(end - begin).count();
}

load::Samples TimesToFirstToken(std::span<const StreamLog> streams) {
  load::Samples samples;
  for (const StreamLog& stream : streams) {
    if (!stream.arrivals().empty()) samples.Add(stream.arrivals().front().when - stream.begin());
  }
  return samples;
}

load::Samples InterTokenTimes(std::span<const StreamLog> streams) {
  load::Samples samples;
  for (const StreamLog& stream : streams) {
    const auto& arrivals = stream.arrivals();
    for (size_t i = 1; i < arrivals.size(); ++i)
      samples.Add(arrivals[i].when - arrivals[i - 1].when);
  }
  return samples;
}

std::optional<time::Duration> WorstGap(std::span<const StreamLog> streams, time::SteadyTime begin,
                                       time::SteadyTime end) {
  std::optional<time::Duration> worst;
  for (const StreamLog& stream : streams) {
    const auto& arrivals = stream.arrivals();
    for (size_t i = 1; i < arrivals.size(); ++i) {
      if (arrivals[i].when <= begin || arrivals[i - 1].when >= end) continue;
      worst =
          std::max(worst.value_or(time::Duration::zero()), arrivals[i].when - arrivals[i - 1].when);
    }
  }
  return worst;
}

uint64_t TokensOf(std::span<const StreamLog> streams) {
  uint64_t sum = 0;
  for (const StreamLog& stream : streams) sum += stream.tokens();
  return sum;
}

double Milliseconds(time::Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace chasqui::bench
