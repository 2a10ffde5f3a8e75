// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <google/protobuf/duration.pb.h>

#include "absl/strings/str_cat.h"
#include "common/config/problems.h"

namespace chasqui::config {

// What a service's Validate() is written with: each call adds a line for a value that is not as it
// must be, so that an operator sees all of them at once. Thread-compatible.
//
//   std::vector<std::string> Validate(const RouterConfig& config) {
//     Checks checks;
//     checks.Range("queue.max_requests", config.queue().max_requests(), 0u, 1'000'000u);
//     checks.Range("queue.max_wait", config.queue().max_wait(), 1ms, 1h);
//     return std::move(checks).Take();
//   }
class Checks {
 public:
  // least <= value <= most.
  template <typename T>
    requires(std::integral<T> || std::floating_point<T>)
  void Range(std::string_view path, T value, std::type_identity_t<T> least,
             std::type_identity_t<T> most) {
    // Written so that a NaN fails.
    if (value >= least && value <= most) return;
    Require(false, path, absl::StrCat("must be from ", least, " to ", most, ", not ", value));
  }
  void Range(std::string_view path, const google::protobuf::Duration& value,
             std::chrono::nanoseconds least, std::chrono::nanoseconds most);
  // As Range; the line names sizes as "64MiB".
  void ByteRange(std::string_view path, std::uint64_t bytes, std::uint64_t least,
                 std::uint64_t most);

  void NotEmpty(std::string_view path, std::string_view value);
  // "host:port", "[v6]:port" or ":port" with a port from 0 to 65535; empty is an error, too.
  void Address(std::string_view path, std::string_view value);
  void Count(std::string_view path, int count, int most);

  // Any other rule: `what` reads on from the path, "must not exceed batch_tokens".
  void Require(bool holds, std::string_view path, std::string_view what);

  // Problems that were found elsewhere.
  void Add(Problems problems);

  std::vector<std::string> Take() && { return std::move(problems_).Take(); }

 private:
  Problems problems_;
};

}  // namespace chasqui::config
