// SPDX-License-Identifier: Apache-2.0
#include "common/observability/log_line.h"

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

std::string JsonText(std::string_view text) {
  // Bytes that are not UTF-8 become U+FFFD: the line stays readable for every JSON parser.
  return nlohmann::json(std::string(text.substr(0, kMostTextBytes)))
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

std::string ValueText(LogFormat format, const LogValue& value) {
  struct Visitor {
    LogFormat format;
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(double number) const {
      // JSON knows neither infinity nor NaN.
      if (!std::isfinite(number)) return format == LogFormat::kJson ? "null" : "nan";
      return absl::StrCat(number);
    }
    std::string operator()(std::int64_t number) const { return absl::StrCat(number); }
    std::string operator()(std::uint64_t number) const { return absl::StrCat(number); }
    std::string operator()(const std::string& text) const {
      return format == LogFormat::kJson ? JsonText(text) : PlainText(text, true);
    }
  };
  return std::visit(Visitor{format}, value.value());
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

class LineFormatter final : public spdlog::formatter {
 public:
  LineFormatter(LogFormat format, std::string service)
      : format_(format), service_(std::move(service)) {}

  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    const LevelName level = NameOf(line.level);
    const absl::Time when = absl::FromChrono(line.time);
    std::string text;
    if (format_ == LogFormat::kJson) {
      text = absl::StrCat("{\"time\":\"",
                          absl::FormatTime("%Y-%m-%d%ET%H:%M:%E6SZ", when, absl::UTCTimeZone()),
                          "\",\"level\":\"", level.json, "\",\"service\":", JsonText(service_), ",",
                          View(line.payload), "}\n");
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
  const std::string value = ValueText(format, field.value);
  if (format == LogFormat::kJson) {
    absl::StrAppend(&out, ",", JsonText(field.key), ":", value);
  } else {
    absl::StrAppend(&out, "  ", field.key, "=", value);
  }
}

void AppendMessage(LogFormat format, std::string_view message, std::string& out) {
  if (format == LogFormat::kJson) {
    absl::StrAppend(&out, "\"message\":", JsonText(message));
  } else {
    absl::StrAppend(&out, PlainText(message, false));
  }
}

std::unique_ptr<spdlog::formatter> MakeLineFormatter(LogFormat format, std::string service) {
  return std::make_unique<LineFormatter>(format, std::move(service));
}

}  // namespace chasqui::observability
