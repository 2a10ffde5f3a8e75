// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace chasqui::inference {

// Gathers what is wrong with a request, so that all of it can be reported at once. At most
// kMaxViolations are kept: error details must stay well below the limit of trailers.
// Thread-compatible.
class Violations {
 public:
  static constexpr std::size_t kMaxViolations = 32;

  void Add(std::string field, std::string description) {
    if (list_.size() < kMaxViolations) list_.push_back({std::move(field), std::move(description)});
  }

  // `value` must be a number from `low` to `high`.
  void InRange(std::string_view field, double value, double low, double high) {
    if (std::isnan(value) || value < low || value > high)
      Add(std::string(field), absl::StrCat("must be ", low, " to ", high, ", is ", value));
  }

  // `value` must be a number above `low`, at most `high`.
  void Above(std::string_view field, double value, double low, double high) {
    if (std::isnan(value) || value <= low || value > high)
      Add(std::string(field),
          absl::StrCat("must be above ", low, " and at most ", high, ", is ", value));
  }

  void AtMost(std::string_view field, std::size_t value, std::size_t high, std::string_view unit) {
    if (value > high)
      Add(std::string(field), absl::StrCat("must be at most ", high, " ", unit, ", is ", value));
  }

  void NotImplemented(std::string_view field, bool is_set) {
    if (is_set) Add(std::string(field), "is not implemented in this version");
  }

  bool empty() const { return list_.empty(); }

  // OK, or INVALID_ARGUMENT with everything added.
  absl::Status ToStatus() const {
    return list_.empty() ? absl::OkStatus() : status::InvalidArgument(list_);
  }

 private:
  std::vector<status::FieldViolation> list_;
};

}  // namespace chasqui::inference
