// SPDX-License-Identifier: Apache-2.0
#include "common/observability/log_line.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>
#include <spdlog/details/log_msg.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace chasqui::observability {
namespace {

constexpr std::size_t kMostTextBytes = 4096;

// Whether JSON has the text as it is.
bool IsPlain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
  });
}

void AppendJsonText(std::string_view text, std::string& out) {
  text = text.substr(0, kMostTextBytes);
  if (IsPlain(text)) {
    absl::StrAppend(&out, "\"", text, "\"");
    return;
  }
  // Bytes that are not UTF-8 become U+FFFD: the line stays readable for every JSON parser.
  out += nlohmann::json(std::string(text))
             .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Control characters would let a client's text move the cursor or begin a line of its own.
std::string PlainText(std::string_view text, bool quote_if_needed) {
  std::string out;
  bool needs_quotes = text.empty();
  for (const char c : text.substr(0, kMostTextBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    needs_quotes = needs_quotes || c == ' ' || c == '"' || c == '=';
    if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppendFormat(&out, "\\x%02x", byte);
    } else if (c == '"' && quote_if_needed) {
      out += "\\\"";
    } else {
      out.push_back(c);
    }
  }
  return needs_quotes && quote_if_needed ? absl::StrCat("\"", out, "\"") : out;
}

void AppendValue(LogFormat format, const LogValue& value, std::string& out) {
  struct Visitor {
    LogFormat format;
    std::string& out;
    void operator()(bool flag) const { out += flag ? "true" : "false"; }
    void operator()(double number) const {
      // JSON knows neither infinity nor NaN.
      if (!std::isfinite(number)) {
        out += format == LogFormat::kJson ? "null" : "nan";
      } else {
        absl::StrAppend(&out, number);
      }
    }
    void operator()(std::int64_t number) const { absl::StrAppend(&out, number); }
    void operator()(std::uint64_t number) const { absl::StrAppend(&out, number); }
    void operator()(std::string_view text) const {
      if (format == LogFormat::kJson) {
        AppendJsonText(text, out);
      } else {
        out += PlainText(text, true);
      }
    }
  };
  std::visit(Visitor{format, out}, value.value());
}

struct LevelName {
  std::string_view json;
  std::string_view text;
  std::string_view colour;
};

LevelName NameOf(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return {"debug", "DEBUG", "\033[2m"};
    case spdlog::level::warn:
      return {"warn", "WARN ", "\033[33m"};
    case spdlog::level::err:
    case spdlog::level::critical:
      return {"error", "ERROR", "\033[31m"};
    default:
      return {"info", "INFO ", "\033[32m"};
  }
}

std::string_view View(spdlog::string_view_t text) { return {text.data(), text.size()}; }

// "2026-01-31T23:59:59.123456Z". All but the fraction is the same for many lines.
std::string UtcText(absl::Time when) {
  thread_local std::int64_t last_second = -1;
  thread_local std::string last_text;
  const std::int64_t second = absl::ToUnixSeconds(when);
  if (second != last_second) {
    last_text = absl::FormatTime("%Y-%m-%d%ET%H:%M:%S", when, absl::UTCTimeZone());
    last_second = second;
  }
  const std::int64_t fraction = absl::ToInt64Microseconds(when - absl::FromUnixSeconds(second));
  return absl::StrCat(last_text, ".", absl::Dec(fraction, absl::kZeroPad6), "Z");
}

class LineFormatter final : public spdlog::formatter {
 public:
  LineFormatter(LogFormat format, std::string service)
      : format_(format), service_(std::move(service)) {}

  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    const LevelName level = NameOf(line.level);
    const absl::Time when = absl::FromChrono(line.time);
    std::string text;
    if (format_ == LogFormat::kJson) {
      absl::StrAppend(&text, "{\"time\":\"", UtcText(when), "\",\"level\":\"", level.json,
                      "\",\"service\":");
      AppendJsonText(service_, text);
      absl::StrAppend(&text, ",", View(line.payload), "}\n");
    } else {
      const bool coloured = format_ == LogFormat::kColouredText;
      text = absl::StrCat(absl::FormatTime("%H:%M:%E3S", when, absl::LocalTimeZone()), " ",
                          coloured ? level.colour : "", level.text, coloured ? "\033[0m" : "", " ",
                          service_, "  ", View(line.payload), "\n");
    }
    out.append(text.data(), text.data() + text.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_, service_);
  }

 private:
  const LogFormat format_;
  const std::string service_;
};

}  // namespace

void AppendField(LogFormat format, const LogField& field, std::string& out) {
  if (format == LogFormat::kJson) {
    out += ',';
    AppendJsonText(field.key, out);
    out += ':';
  } else {
    absl::StrAppend(&out, "  ", field.key, "=");
  }
  AppendValue(format, field.value, out);
}

void AppendMessage(LogFormat format, std::string_view message, std::string& out) {
  if (format == LogFormat::kJson) {
    out += "\"message\":";
    AppendJsonText(message, out);
  } else {
    out += PlainText(message, false);
  }
}

std::unique_ptr<spdlog::formatter> MakeLineFormatter(LogFormat format, std::string service) {
  return std::make_unique<LineFormatter>(format, std::move(service));
}

}  // namespace chasqui::observability
