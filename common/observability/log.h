// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "chasqui/config/v1/common.pb.h"
#include "common/time/clock.h"

namespace chasqui::observability {

class TextGatherer;

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// The value of a field, made from whatever is at hand, for the time of one call: texts are not
// copied. Durations are written in seconds, statuses
// as "CODE: message". NOLINTBEGIN(google-explicit-constructor): {"slots", 8} is what these
// constructors are for
class LogValue {
 public:
  template <std::same_as<bool> T>  // and not whatever converts to bool, such as a pointer
  LogValue(T value) : value_(value) {}
  LogValue(double value) : value_(value) {}
  LogValue(std::string_view value) : value_(value) {}
  LogValue(const std::string& value) : value_(std::string_view(value)) {}
  LogValue(const char* value) : value_(std::string_view(value)) {}
  LogValue(const absl::Status& status);
  template <std::signed_integral T>
  LogValue(T value) : value_(static_cast<std::int64_t>(value)) {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  LogValue(T value) : value_(static_cast<std::uint64_t>(value)) {}
  template <typename Rep, typename Period>
  LogValue(std::chrono::duration<Rep, Period> value)
      : value_(std::chrono::duration<double>(value).count()) {}

  // Of a status it is the text itself.
  using Value =
      std::variant<bool, double, std::int64_t, std::uint64_t, std::string_view, std::string>;
  const Value& value() const { return value_; }

 private:
  Value value_;
};
// NOLINTEND(google-explicit-constructor)

// `key` is snake_case; "time", "level", "service" and "message" are taken.
struct LogField {
  std::string_view key;
  LogValue value;
};

enum class LogFormat { kJson, kText, kColouredText };

struct LogOptions {
  std::string service;  // "router"
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kJson;
  std::size_t queue_lines = 4096;  // about 400 bytes each, allocated at once
  // Takes one line with its end, on the log's thread. None: standard error.
  std::function<void(std::string_view line)> write;
};

// Writes log lines: a sentence that is always the same, and what varies as fields.
//
//   log.Info("worker joined", {{"worker", id}, {"slots", slots}});
//
// Lines go through a bounded queue to one thread that writes them; when the queue is full a line is
// dropped and counted, so that logging never blocks and never fails. Copies share the queue, which
// is written out and ended with the last of them. A default Logger says nothing. Thread-safe.
class Logger {
 public:
  Logger() = default;
  // Starts the thread that writes.
  explicit Logger(LogOptions options);

  void Debug(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    Log(LogLevel::kDebug, message, fields);
  }
  void Info(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    Log(LogLevel::kInfo, message, fields);
  }
  void Warn(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    Log(LogLevel::kWarn, message, fields);
  }
  void Error(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    Log(LogLevel::kError, message, fields);
  }
  void Log(LogLevel level, std::string_view message,
           std::initializer_list<LogField> fields = {}) const noexcept;

  // A Logger that adds `fields`, such as the id of a request, to each of its lines.
  [[nodiscard]] Logger With(std::initializer_list<LogField> fields) const;

  // A Logger whose lines go where this one's go, together: at most `delay` later, between others
  // that are newer. A line then costs who logs it little more than its text. For lines as many as
  // requests. Beyond 4 MiB within `delay` lines are dropped and counted. The last copy writes out
  // what is left.
  [[nodiscard]] Logger Gathered(time::Duration delay) const;

  // Whether a line of this level is written: ask before computing what is dear.
  bool IsOn(LogLevel level) const;

  // Lines dropped since the start because the queue was full, or too much was gathered.
  std::uint64_t dropped_lines() const;

 private:
  class Core;

  std::shared_ptr<Core> core_;              // none: says nothing
  std::shared_ptr<TextGatherer> gatherer_;  // none: each line goes at once
  std::string bound_;                       // the fields of With, as they will stand in a line
};

// As the configuration says; LOG_FORMAT_AUTO is coloured text when standard error is a terminal and
// JSON elsewhere.
LogOptions LogOptionsFrom(std::string_view service, const config::v1::LogConfig& config);

}  // namespace chasqui::observability
